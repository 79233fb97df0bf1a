"""What is measured of ours only: starting, what the sender costs, how late values are."""

from __future__ import annotations

import statistics
from typing import Any

from measures import Bench, delivery, spread
from probing import Told

_POINTS = "reporter_points"


def starts(bench: Bench) -> Told:
    """Import and first entry against `import subprocess`, in pairs of fresh processes."""
    base: list[Told] = []
    ours: list[Told] = []
    for number in range(bench.effort.starts + 1):
        pair = [bench.probes.run("start", kind=kind) for kind in ("subprocess", "reporter")]
        if number:  # the first pair fills caches
            base.append(pair[0])
            ours.append(pair[1])
    extra = [b["ms"] - a["ms"] for a, b in zip(base, ours, strict=True)]
    return {
        "import subprocess ms": _median(each["ms"] for each in base),
        "import reporter ms": _median(each["import_ms"] for each in ours),
        "import and first entry ms": _median(each["ms"] for each in ours),
        "extra ms": _median(extra),
        "extra ms spread": spread(extra),
        "foreign": sorted({name for each in ours for name in each["foreign"]}),
    }


def entries(bench: Bench) -> dict[str, float]:
    """One run after another in a process."""
    return spread(bench.probes.run("entries", entries=bench.effort.entries)["ms"])


def upkeep(bench: Bench) -> Told | None:
    """Of the sender, at the default interval."""
    with bench.gateway(_POINTS) as gateway:
        if gateway is None:
            return None
        asked = {"gateway": gateway.address, "seconds": bench.effort.upkeep_s}
        return bench.probes.run("upkeep", **asked)


def deliveries(bench: Bench) -> Told | None:
    """First values by a few fresh runs; later ones by one at an interval of a second."""
    told = [delivery(bench, _POINTS, 0, 0) for _ in range(bench.effort.firsts)]
    told.append(delivery(bench, _POINTS, bench.effort.changes, 0))
    if not all("later_s" in each or "first_s" in each for each in told):
        return None
    first = [each["first_s"] for each in told]
    return {
        "first_s": _median(first),
        "first_max_s": max(first),
        "later_s": told[-1]["later_s"],
        "interval_s": 1.0,
    }


def _median(values: Any) -> float:
    return round(statistics.median(values), 3)
