"""More runs than the gateway can take: what naive clients make of it, and what the sender does."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ceiling_gateways import Served, serving
from ceiling_load import scrape

CLIENTS = ("naive", "ours")
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ceiling_clients.py")
_END_S = 30.0
_COUNTER = "pushgateway_http_requests_total{"
_Sample = dict[str, Any]


@dataclass(frozen=True)
class Overload:
    """How many runs, and for how long each kind of client pushes."""

    runs: int
    interval: float
    seconds: dict[str, float]


def measure(kind: str, overload: Overload) -> list[_Sample]:
    """Samples over time; none where there is no Pushgateway."""
    with serving("check on") as gateway:
        return [] if gateway is None else list(_rates(_samples(gateway, kind, overload)))


def _samples(gateway: Served, kind: str, overload: Overload) -> Iterator[_Sample]:
    told = [overload.runs, overload.interval, overload.seconds[kind]]
    command = [sys.executable, _PROGRAM, kind, gateway.url, *map(str, told)]
    with tempfile.TemporaryFile("w+") as log:
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            for line in client.stdout or ():
                handled = _handled(gateway) - overload.runs  # each group came there once before
                usage = gateway.usage()
                yield json.loads(line) | {
                    "handled": handled,
                    "gateway_cpu_s": usage.cpu_s,
                    "memory_mb": usage.rss / 1e6,
                }
        finally:
            if _end(client):
                log.seek(0)
                print(f"{kind}: {log.read()[-2000:]}", file=sys.stderr)


def _end(client: subprocess.Popen[str]) -> int:
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.wait(_END_S)
    if client.poll() is None:
        client.kill()
    return client.wait()


def _handled(gateway: Served) -> float:
    """How many pushes the gateway has done with, those that nobody waits for any more too."""
    body = scrape(gateway.url).body
    text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
    counts = [line for line in text.splitlines() if line.startswith(_COUNTER)]
    return sum(float(line.rpartition(" ")[2]) for line in counts if 'handler="push"' in line)


def _rates(samples: Iterator[_Sample]) -> Iterator[_Sample]:
    """What happened from one sample to the next, per second."""
    before = next(samples, None)
    for now in samples:
        assert before is not None
        seconds = now["at_s"] - before["at_s"]
        since = {name: (now[name] - before[name]) / seconds for name in _COUNTED}
        yield {
            "at_s": now["at_s"],
            **{f"{name}_s": round(since[name], 2) for name in ("sent", "answered", "late")},
            "in_flight": now["sent"] - now["answered"] - now["late"],
            "piled_up": max(0, round(now["sent"] - now["handled"])),
            **{name: round(now[name], 3) for name in ("p50_s", "p99_s", "memory_mb")},
            "interval_s": now["interval_s"],
            "gateway_cores": round(since["gateway_cpu_s"], 2),
            "client_cores": round(since["cpu_s"], 2),
        }
        before = now


_COUNTED = ("sent", "answered", "late", "gateway_cpu_s", "cpu_s")
