"""Runs probes, each in a fresh process, and makes figures of what they tell."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gateways
from bars import EXIT_TIMEOUT_S

HERE = os.path.dirname(os.path.abspath(__file__))
REPORTS = 100_000
METRICS = 100
SINGLE_CALLS = (
    ("floors", "empty call"),
    ("floors", "dict store"),
    ("ours", "report_metric"),
    ("prometheus_gauge", "Gauge.set"),
    ("multiprocessing_queue", "Queue.put"),
)


@dataclass(frozen=True)
class Effort:
    """How often each thing is measured."""

    rounds: int = 15
    share: float = 1.0  # of each subject's calls
    latency_rounds: int = 3
    latency_calls: int = 50_000
    starts: int = 15
    entries: int = 30
    upkeep_s: int = 15
    firsts: int = 3
    changes: int = 5
    leaves: int = 3


QUICK = Effort(3, 0.2, 1, 10_000, 3, 5, 5, 1, 2, 1)


class Probes:
    """Probes with a folder for their records, and without settings of whoever runs this."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("REPORTER")}
        self._environment = {**kept, "PYTHONPATH": HERE}

    def run(self, name: str, *arguments: object) -> dict[str, Any]:
        """What the probe printed."""
        program = os.path.join(HERE, "probes", f"{name}.py")
        done = subprocess.run(
            [sys.executable, program, *map(str, arguments)],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"probe {name} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def records(self) -> str:
        return tempfile.mkdtemp(dir=self._folder)


def single_calls(probes: Probes, effort: Effort) -> dict[str, dict[str, float]]:
    """Of each subject in turn: the medians over the rounds, and the longest call of all."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(effort.latency_rounds):
        for subject, label in SINGLE_CALLS:
            told = probes.run("latency", subject, label, effort.latency_calls)
            found.setdefault(label, []).append(told)
    return {label: _of_single_calls(told) for label, told in found.items()}


def _of_single_calls(told: list[dict[str, float]]) -> dict[str, float]:
    middle = {key: _median(each[key] for each in told) for key in ("p50", "p99.9")}
    worst = {key: max(each[key] for each in told) for key in ("max", "dropped")}
    return middle | worst


def starts(probes: Probes, effort: Effort) -> dict[str, Any]:
    """Import and first entry against `import subprocess`, in pairs of fresh processes."""
    base, ours = [], []
    for number in range(effort.starts + 1):
        told = [probes.run("start", kind, probes.records()) for kind in ("subprocess", "reporter")]
        if number:  # the first pair fills caches
            base.append(told[0])
            ours.append(told[1])
    extra = [b["ms"] - a["ms"] for a, b in zip(base, ours, strict=True)]
    return {
        "import subprocess ms": _median(each["ms"] for each in base),
        "import reporter ms": _median(each["import_ms"] for each in ours),
        "import and first entry ms": _median(each["ms"] for each in ours),
        "extra ms": _median(extra),
        "extra ms spread": [round(min(extra), 2), round(max(extra), 2)],
        "foreign": sorted({name for each in ours for name in each["foreign"]}),
    }


def entries(probes: Probes, effort: Effort) -> dict[str, Any]:
    times = probes.run("entries", effort.entries, probes.records())["ms"]
    return {"ms": _median(times), "spread": [round(min(times), 2), round(max(times), 2)]}


def upkeep(probes: Probes, effort: Effort, url: str) -> dict[str, Any]:
    return probes.run("upkeep", url, effort.upkeep_s, METRICS, probes.records())


def delivery(probes: Probes, effort: Effort, url: str) -> dict[str, Any]:
    """First values by a few fresh runs, later ones by one at an interval of a second."""
    runs = [probes.run("delivery", url, 5, 0, probes.records()) for _ in range(effort.firsts)]
    run = probes.run("delivery", url, 1, effort.changes, probes.records())
    first = [each["first_s"] for each in [*runs, run]]
    return {"first_s": _median(first), "first_max_s": max(first), "later_s": run["later_s"]}


def leaving(probes: Probes, effort: Effort, url: str | None) -> dict[str, Any]:
    """After 100,000 reports: a healthy gateway, then, both at once, a closed and a silent one."""
    found: dict[str, Any] = {}
    if url is not None:
        before = gateways.pushes(url)
        runs = [_leave(probes, url) for _ in range(effort.leaves)]
        found["healthy"] = runs
        seen = gateways.pushes(url) - before  # the embedded gateway does not count them
        found["pushes seen by the gateway"] = seen / len(runs) or None
    with gateways.closed() as closed, gateways.silent() as silent, ThreadPoolExecutor(2) as pool:
        told = pool.map(lambda each: _leave(probes, each), (closed, silent))
        found["closed"], found["silent"] = ([each] for each in told)
    return found


def _leave(probes: Probes, url: str) -> dict[str, Any]:
    return probes.run("leave", url, REPORTS, EXIT_TIMEOUT_S, probes.records())


def _median(values: Any) -> float:
    return round(statistics.median(values), 3)
