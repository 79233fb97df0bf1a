"""Asking Slurm and Kubernetes whether a run was stopped for something else."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reporter.launch.preemption import Preemption
from tests.services.secured import Certificates


def _asked(environment: dict[str, str], account: Path = Path("/nowhere")) -> str:
    preemption = Preemption(environment, account)
    preemption.ask()
    return preemption.said()


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("JobId=7 JobState=RUNNING PreemptTime=2026-11-21T10:00:00 TimeLimit=1", "Slurm"),
        ("JobId=7 JobState=PREEMPTED Reason=Preempted", "Slurm"),
        ("JobId=7 JobState=RUNNING PreemptTime=None TimeLimit=1", ""),
        ("JobId=7 JobState=CANCELLED Reason=None", ""),
        ("slurm_load_jobs error", ""),
    ],
)
def test_slurm_is_asked(
    shown: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own note of the time at which the job was told to go is what counts."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\n[ "$*" = "--oneliner show job 7" ] && echo "{shown}"\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert _asked({"SLURM_JOB_ID": "7"}) == said
    assert _asked({}) == ""
    assert _asked({"SLURM_JOB_ID": "7; rm"}) == ""


def test_slurm_is_asked_again_with_the_next_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that the program got over was not the preemption, which may come later."""
    scontrol, shown = tmp_path / "scontrol", tmp_path / "shown"
    scontrol.write_text(f'#!/bin/sh\ncat "{shown}"\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    preemption = Preemption({"SLURM_JOB_ID": "7"}, tmp_path)
    for state, said in (("RUNNING", ""), ("PREEMPTED", "Slurm"), ("COMPLETING", "Slurm")):
        shown.write_text(f"JobId=7 JobState={state}")
        preemption.ask()
        assert preemption.said() == said


class Api:
    """The one answer of a cluster's API that is asked for; it keeps what it was sent."""

    def __init__(self, folder: Path) -> None:
        self.pod: Any = {"status": {}}
        self.seen: list[tuple[str, str | None]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.seen.append((self.path, self.headers["Authorization"]))
                if isinstance(api.pod, bytes):  # no HTTP at all
                    self.wfile.write(api.pod)
                    return
                body = json.dumps(api.pod).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        certificates = Certificates(folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.issue("127.0.0.1"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        (folder / "ca.crt").write_bytes(Path(certificates.ca).read_bytes())
        (folder / "token").write_text("let me in\n")
        (folder / "namespace").write_text("lab")
        self.environment = {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.server.server_port),
            "HOSTNAME": "train-0",
        }


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    found = Api(tmp_path)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def _condition(kind: str, status: str) -> dict[str, Any]:
    condition = {"type": kind, "status": status, "reason": "PreemptionByScheduler"}
    return {"status": {"conditions": [{"type": "Ready", "status": "True"}, condition]}}


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (_condition("DisruptionTarget", "True"), "Kubernetes: PreemptionByScheduler"),
        (_condition("DisruptionTarget", "False"), ""),
        (_condition("PodScheduled", "True"), ""),
        ({"status": {}}, ""),
        ({"kind": "Status", "code": 403}, ""),
        ([], ""),
        ({"status": {"conditions": None}}, ""),
        ({"status": {"conditions": ["Ready"]}}, ""),
        (b"SSH-2.0 hello\r\n\r\n", ""),
    ],
)
def test_kubernetes_is_asked(pod: Any, said: str, api: Api, tmp_path: Path) -> None:
    """About this very pod, with its own account, over TLS that is checked."""
    api.pod = pod
    assert _asked(api.environment, tmp_path) == said
    assert api.seen == [("/api/v1/namespaces/lab/pods/train-0/status", "Bearer let me in")]


def test_an_api_that_nobody_can_vouch_for_gets_no_token(api: Api, tmp_path: Path) -> None:
    """A wrong authority ends it before anything is sent."""
    (tmp_path / "ca.crt").write_bytes(Path(Certificates(tmp_path).ca).read_bytes())
    assert _asked(api.environment, tmp_path) == ""
    assert api.seen == []


def test_nobody_to_ask_is_no_preemption(tmp_path: Path) -> None:
    assert Preemption({}, tmp_path).said() == ""
    assert _asked({"KUBERNETES_SERVICE_HOST": "127.0.0.1"}, tmp_path) == ""
