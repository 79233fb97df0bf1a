"""A training process that reports a flood, and says what it took: seconds, and memory of both.

Of metrics, parameters or tags with a new name each time; or of one metric.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import reporter


def most_memory(process: object) -> float:
    """The most memory that a process ever had, in MiB."""
    with open(f"/proc/{process}/status") as file:
        return int(file.read().partition("VmHWM:")[2].split()[0]) / 1024


kind, count = sys.argv[1], int(sys.argv[2])
with reporter.Reporter() as r:
    reports: dict[str, Callable[[int], object]] = {
        "metrics": lambda n: r.report_metric(f"name-{n}", n),
        "parameters": lambda n: r.report_parameter(f"name-{n}", n),
        "tags": lambda n: r.tag(f"name-{n}", n),
    }
    report = reports.get(kind) or r.metric("count")
    r.report_metric("before", 1)
    assert r.flush(10)
    sender = r.status()["sender"]
    before = most_memory("self"), most_memory(sender)
    began = time.monotonic()
    for n in range(count):
        report(n)
    seconds = time.monotonic() - began
    r.report_metric("before", 2)
    assert r.flush(20)
    grown = most_memory("self") - before[0], most_memory(sender) - before[1]
sys.stdout.write(json.dumps({"seconds": seconds, "trainer": grown[0], "sender": grown[1]}))
