"""Whether the cluster says that it wanted the machine for something else."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from reporter.run.cluster import ACCOUNT, kubernetes
from reporter.sender.background import Background

_ANSWERS_WITHIN = 1.0  # a sender waits for the word on its trainer's end, twice as long
_ACCOUNT = Path(ACCOUNT)


class Preemption:
    """Asks in a thread: whoever is told to stop has no time to wait for an answer."""

    def __init__(self, environment: Mapping[str, str], account: Path = _ACCOUNT) -> None:
        self._environment, self._account = environment, account
        self._said = ""
        self._thread: Background | None = None

    def ask(self) -> None:
        """Begin to ask, unless somebody is being asked, or has said so."""
        if self._said or (self._thread is not None and self._thread.is_alive()):
            return
        thread = Background(self._ask, "preemption")
        try:
            thread.start()
        except RuntimeError:  # the machine lets us have no more threads: nobody says so
            return
        self._thread = thread

    def said(self) -> str:
        """Who says so; nothing if nobody does."""
        if self._thread is not None:
            self._thread.join(_ANSWERS_WITHIN)
        return self._said

    def _ask(self) -> None:
        try:
            self._said = _slurm(self._environment) or _kubernetes(self._environment, self._account)
        except Exception:  # noqa: BLE001 - whatever was answered, it does not say so
            pass


def _slurm(environment: Mapping[str, str]) -> str:
    """Slurm notes when a job was told to go for another one."""
    job, scontrol = environment.get("SLURM_JOB_ID"), shutil.which("scontrol")
    if not job or not job.isdecimal() or scontrol is None:
        return ""
    try:
        shown = subprocess.run(
            [scontrol, "--oneliner", "show", "job", job],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWERS_WITHIN,
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    fields = dict(word.partition("=")[::2] for word in shown.split())
    noted = fields.get("PreemptTime", "None") not in ("None", "", "Unknown")
    return "Slurm" if noted or fields.get("JobState") == "PREEMPTED" else ""


def _kubernetes(environment: Mapping[str, str], account: Path) -> str:
    """Kubernetes gives a pod that has to go the condition DisruptionTarget, with a reason."""
    host, port = (environment.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    found = kubernetes(environment, str(account))
    if not host or not found.keys() >= {"pod", "namespace"}:
        return ""
    try:
        token = (account / "token").read_text().strip()
        shown = f"[{host}]" if ":" in host else host
        pod_path = f"namespaces/{found['namespace']}/pods/{found['pod']}"
        url = f"https://{shown}:{port or 443}/api/v1/{pod_path}/status"
        pod = _fetched(url, token, str(account / "ca.crt"))
        for condition in pod["status"].get("conditions") or []:
            if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
                return f"Kubernetes: {condition.get('reason', 'DisruptionTarget')}"
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        pass  # most pods may not ask; then nobody says so
    return ""


def _fetched(url: str, token: str, authority: str) -> Any:
    header = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, headers=header)  # noqa: S310 - https, as built here
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority))
    direct = urllib.request.ProxyHandler({})  # the API of the cluster is inside it
    opener = urllib.request.build_opener(direct, trust)
    with opener.open(request, timeout=_ANSWERS_WITHIN) as found:
        return json.loads(found.read(1 << 20))
