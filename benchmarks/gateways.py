"""What subjects deliver to: something healthy, a port where nobody listens, one that never answers.

What is healthy depends on what a subject speaks: a Pushgateway (the real one where it is
installed, else ours), or a sink for OTLP and statsd.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SERVE = "from reporter.hub.server import serve; import sys; serve('127.0.0.1', int(sys.argv[1]))"
_SINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sink.py")
_READY_S = 10.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Gateway:
    """Something healthy: the address to deliver to, and the one to ask."""

    address: str
    url: str
    kind: str

    def requests(self) -> float | None:
        """How many it has answered; None where it does not count."""
        if self.kind == "embedded":
            return None
        if self.kind == "prometheus-pushgateway":
            return _pushes(fetch(f"{self.url}/metrics"))
        told = json.loads(fetch(f"{self.url}/count"))
        return float(told["packets" if self.kind == "statsd" else "requests"])

    def shows(self, value: float) -> bool:
        """Whether a value that is reported only once has come."""
        if self.kind in ("otlp", "statsd"):
            return bool(json.loads(fetch(f"{self.url}/seen?value={value!r}")))
        lines = fetch(f"{self.url}/metrics").splitlines()
        return any(line.endswith(f" {value:g}") and "delay" in line for line in lines)


def fetch(url: str) -> str:
    """A GET, past any proxy."""
    with _opener.open(url, timeout=10) as answer:
        return str(answer.read().decode())


@contextmanager
def healthy(speaks: str = "pushgateway") -> Iterator[Gateway | None]:
    """One for what a subject speaks; None where none can be started."""
    gateway, command = _sink(speaks) if speaks in ("otlp", "statsd") else _pushgateway()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield gateway if _answers(gateway, process) else None
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def closed() -> Iterator[str]:
    """The URL of a port that is ours and refuses every connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a gateway that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as held:
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def version() -> str | None:
    """The Pushgateway's version, if there is one."""
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).split(" (")[0].strip().removeprefix("pushgateway, version ")


def fill(gateway: Gateway, groups: int, series: int) -> None:
    """Other runs' groups on a Pushgateway."""
    body = "".join(f"other_{k} {k}\n" for k in range(series)).encode()
    for number in range(groups):
        url = f"{gateway.url}/metrics/job/other/run/{number}"
        with _opener.open(urllib.request.Request(url, body, method="PUT"), timeout=30):
            pass


def _pushgateway() -> tuple[Gateway, list[str]]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        return Gateway(url, url, "embedded"), [sys.executable, "-c", _SERVE, str(port)]
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [program, "--persistence.file=", listen]
    return Gateway(url, url, "prometheus-pushgateway"), command


def _sink(speaks: str) -> tuple[Gateway, list[str]]:
    http, udp = _free_port(), _free_port(socket.SOCK_DGRAM)
    url = f"http://127.0.0.1:{http}"
    address = f"127.0.0.1:{udp}" if speaks == "statsd" else url
    return Gateway(address, url, speaks), [sys.executable, _SINK, str(http), str(udp)]


def _free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pushes(page: str) -> float:
    start = "pushgateway_http_requests_total{"
    lines = [line for line in page.splitlines() if line.startswith(start)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'handler="push"' in line)


def _answers(gateway: Gateway, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            fetch(f"{gateway.url}/-/ready")
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
        else:
            return True
    return False
