"""Starts the real programs that tests talk to, and always ends them by their own pid."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.processes import status_of
from tests.waiting import wait_for

END_S = 5
_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = {
    "prometheus-pushgateway": "prometheus-pushgateway",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
}

Queried = list[tuple[dict[str, str], float]]


def find_program(name: str) -> str:
    """The program's path; without it the test is skipped on a laptop and fails where CI is set."""
    found = shutil.which(name) or shutil.which(name.removeprefix("prometheus-"))
    if found:
        return found
    message = f"{name} is not installed: apt-get install {_PACKAGES[name]}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """A loopback port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, timeout: float = 5) -> str:
    """The body of a GET, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as response:
        return bytes(response.read()).decode()


def answers(url: str) -> bool:
    """Whether a GET of the URL gets an answer of any kind."""
    try:
        fetch(url)
    except urllib.error.HTTPError as error:
        return error.code in {401, 403}
    except OSError:
        return False
    return True


class Program:
    """One child process with its log in a file."""

    def __init__(self, command: Sequence[str], log: Path, ready_url: str) -> None:
        self._command = list(command)
        self._log = log
        self._ready_url = ready_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def peak_memory(self) -> int:
        """The most memory it ever had, in bytes (Linux)."""
        return int(status_of(self.pid)["VmHWM"].split()[0]) * 1024

    def start(self) -> None:
        """Start it, and return once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._settled, timeout=30, what=f"{self._command[0]} to answer")
        if self._process.poll() is not None:
            pytest.fail(f"{self._command[0]} ended:\n{self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _settled(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None or answers(self._ready_url)


class Pushgateway(Program):
    """A real Pushgateway; a restart on the same port finds nothing left."""

    def __init__(self, folder: Path, args: Sequence[str] = (), scheme: str = "http") -> None:
        port = free_port()
        self.url = f"{scheme}://127.0.0.1:{port}"
        listen = f"--web.listen-address=127.0.0.1:{port}"
        # Debian's default is a file that outlives the program.
        command = [find_program("prometheus-pushgateway"), listen, "--persistence.file=", *args]
        super().__init__(command, folder / "pushgateway.log", self.url + "/-/ready")

    def _settled(self) -> bool:
        if self.url.startswith("https"):
            return _accepts(self.url) or super()._settled()
        return super()._settled()

    def metrics(self) -> str:
        """What a Prometheus would scrape."""
        return fetch(self.url + "/metrics")

    def pushes(self) -> int:
        """How many pushes there were since it was started, refused ones too."""
        lines = self.metrics().splitlines()
        wanted = [x for x in lines if x.startswith("pushgateway_http_requests_total{")]
        return sum(int(float(x.rpartition(" ")[2])) for x in wanted if 'handler="push"' in x)

    def groups(self) -> list[dict[str, Any]]:
        """The groups with their families, as /api/v1/metrics gives them."""
        return list(json.loads(fetch(self.url + "/api/v1/metrics"))["data"])


class EmbeddedGateway(Program):
    """The hub's gateway as `serve` runs it, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        code = f"from reporter.hub.server import serve; serve(port={port})"
        super().__init__([sys.executable, "-c", code], folder / "hub.log", self.url + "/-/ready")


class Prometheus(Program):
    """A real Prometheus that scrapes what it is given."""

    def __init__(
        self, folder: Path, targets: Sequence[str], honor_labels: bool, interval: str
    ) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = folder / "prometheus.json"
        # JSON is YAML.
        config.write_text(json.dumps(_scrape_config(targets, honor_labels, interval)))
        command = [
            find_program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        ]
        super().__init__(command, folder / "prometheus.log", self.url + "/-/ready")

    def query(self, promql: str) -> Queried:
        """The instant vector of the expression, now."""
        answer = json.loads(fetch(f"{self.url}/api/v1/query?{urlencode({'query': promql})}"))
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]


def _accepts(url: str) -> bool:
    host, _, port = url.partition("://")[2].partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def _scrape_config(targets: Sequence[str], honor_labels: bool, interval: str) -> dict[str, Any]:
    bare = [target.removeprefix("http://") for target in targets]
    scrape = {
        "job_name": "gateway",
        "honor_labels": honor_labels,
        "static_configs": [{"targets": bare}],
    }
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [scrape],
    }


StartPushgateway = Callable[..., Pushgateway]
StartPrometheus = Callable[..., Prometheus]
