"""Gateways to push to: a healthy one, a port where nobody listens, one that never answers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

_SERVE = "from reporter.hub.server import serve; import sys; serve('127.0.0.1', int(sys.argv[1]))"
_READY_S = 10.0


@contextmanager
def healthy() -> Iterator[tuple[str, str] | None]:
    """URL and kind of a running gateway: a real Pushgateway, else ours, else None."""
    port = _free_port()
    command, kind = _command(port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        yield (url, kind) if _answers(url, process) else None
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
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def version() -> str | None:
    """The Pushgateway's version, if there is one."""
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        return None
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).split(" (")[0].strip().removeprefix("pushgateway, version ")


def pushes(url: str) -> float:
    """How many pushes a Pushgateway has answered."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    start = "pushgateway_http_requests_total{"
    counts = [line for line in lines if line.startswith(start) and 'handler="push"' in line]
    return sum(float(line.rpartition(" ")[2]) for line in counts)


def _command(port: int) -> tuple[list[str], str]:
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        return [sys.executable, "-c", _SERVE, str(port)], "embedded"
    listen = f"--web.listen-address=127.0.0.1:{port}"
    return [program, "--persistence.file=", listen], "prometheus-pushgateway"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    return False
