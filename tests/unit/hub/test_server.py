"""Starting and stopping the hub's server."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reporter.hub.server import serve
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
CODE = """
from reporter.hub.server import serve
serve(port=0, announce=lambda url: print(url, flush=True))
print("left", flush=True)
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_an_occupied_port_is_said_clearly() -> None:
    """The error names the port and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is in use") as refused:
            serve(port=port)
    assert str(refused.value).endswith("stop what listens there, or choose another port")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_two_seconds(
    server: subprocess.Popen[str], number: signal.Signals
) -> None:
    """An idle client and one in the middle of a request do not hold it; `serve` returns."""
    assert server.stdout is not None
    address = server.stdout.readline().strip().removeprefix("http://")
    host, _, port = address.partition(":")
    idle = http.client.HTTPConnection(address)
    idle.request("GET", "/-/ready")
    assert idle.getresponse().read() == b"OK"
    with socket.create_connection((host, int(port))) as busy:
        busy.sendall(
            b"PUT /metrics/job/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nm"
        )
        started = time.monotonic()
        server.send_signal(number)
        wait_for(lambda: server.poll() is not None, timeout=5, what="the server to end")
        assert time.monotonic() - started < 2
    idle.close()
    assert server.returncode == 0
    assert server.stdout.read() == "left\n"
