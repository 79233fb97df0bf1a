"""The gateways that are loaded, each a process of its own, and what such a process takes."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_READY_S = 20.0
_END_S = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")
_EMBEDDED = "import sys; from reporter.hub.server import serve; serve(port=int(sys.argv[1]))"
_ANSWERS_AT_ONCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ceiling_floor.py")

Command = Callable[[int], "list[str] | None"]


def _pushgateway(port: int, *flags: str) -> list[str] | None:
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    listen = f"--web.listen-address=127.0.0.1:{port}"
    # Debian's default is a file that outlives the program.
    return program and [program, listen, "--persistence.file=", *flags]


# What takes the same pushes is one line here. What takes another protocol (remote write, once
# there is a sink for it) brings its own requests too: see `Load` in ceiling_load.py.
GATEWAYS: dict[str, tuple[str, Command]] = {
    "check on": ("Pushgateway as it comes", _pushgateway),
    "check off": (
        "Pushgateway with `--push.disable-consistency-check`",
        lambda port: _pushgateway(port, "--push.disable-consistency-check"),
    ),
    "embedded": (
        "the gateway in `reporter up`",
        lambda port: [sys.executable, "-c", _EMBEDDED, str(port)],
    ),
    "nothing": (
        "a server that answers at once and keeps nothing: the load generator's own part",
        lambda port: [sys.executable, _ANSWERS_AT_ONCE, str(port)],
    ),
}


@dataclass(frozen=True)
class Usage:
    """What a process has taken so far: CPU seconds, and memory now and at most, in bytes."""

    cpu_s: float
    rss: int
    most_rss: int


@dataclass(frozen=True)
class Served:
    """A gateway that runs."""

    url: str
    pid: int

    def usage(self) -> Usage:
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        with open(f"/proc/{self.pid}/status") as file:
            told = dict(line.split(":", 1) for line in file if line.startswith("Vm"))
        rss, most = (int(told[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return Usage((int(fields[11]) + int(fields[12])) / _TICKS, rss, most)


@contextmanager
def serving(kind: str) -> Iterator[Served | None]:
    """A fresh, empty gateway of this kind, or None where its program is not installed."""
    port = _free_port()
    command = GATEWAYS[kind][1](port)
    if command is None:
        yield None
        return
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    served = Served(f"http://127.0.0.1:{port}", process.pid)
    try:
        _await(served.url, process)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:  # a gateway that is drowned in pushes
            process.kill()
            process.wait()


def allow_many_connections() -> None:
    """Ours and, as they inherit it, the gateways'."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def machine_cpu_s() -> float:
    """CPU seconds that all processes of the machine have taken."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _waiting, irq, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + soft) / _TICKS


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _READY_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < until:
        try:
            with opener.open(f"{url}/-/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not answer")
