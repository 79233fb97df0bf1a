"""How many runs one gateway carries, and what happens beyond: tables, and JSON with --save.

python benchmarks/ceiling.py [--quick] [--save [FILE]]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import ceiling_collapse
import ceiling_gateways
import ceiling_tables
import machine
from ceiling_collapse import Overload
from ceiling_gateways import Served, allow_many_connections, machine_cpu_s, serving
from ceiling_load import Load, Scrape, Tally, scrape, share
from ceiling_runs import SERIES, SimulatedRun

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results", "ceiling.json")
# What the sender holds a push against: see `Schedule` in reporter/sender/schedule.py.
_PUSH_TIMEOUT_S = 10.0
_QUICK_SHARE, _SLOW_SHARE = 1 / 8, 1 / 2


@dataclass(frozen=True)
class Effort:
    """What is measured, and how long."""

    cells: tuple[tuple[str, float, tuple[int, ...]], ...]  # gateway, interval, numbers of runs
    warm_s: float
    window_s: float
    scrapes_every_s: float
    overload: Overload


FULL = Effort(
    (
        ("nothing", 5.0, (1000,)),
        ("check on", 5.0, (50, 100, 150, 200, 300)),
        ("check on", 15.0, (200,)),
        ("check off", 5.0, (100, 300, 1000, 2000)),
        ("embedded", 5.0, (100, 200, 400, 800)),
    ),
    4.0,
    12.0,
    5.0,
    Overload(300, 5.0, {"naive": 48.0, "ours": 144.0}),
)
QUICK = Effort(
    tuple((kind, 0.2, (5,)) for kind in ceiling_gateways.GATEWAYS),
    0.1,
    0.4,
    0.2,
    Overload(10, 0.5, {"naive": 0.6, "ours": 1.2}),
)


def main() -> int:
    options, began = _options(), time.monotonic()
    effort = QUICK if options.quick else FULL
    for name in [each for each in os.environ if each.upper().startswith("REPORTER")]:
        del os.environ[name]
    allow_many_connections()
    found: dict[str, Any] = {
        "machine": machine.facts(),
        "versions": machine.versions(),
        "quick": options.quick,
        "series": SERIES,
        "gateways": {kind: says for kind, (says, _) in ceiling_gateways.GATEWAYS.items()},
        "cells": [row for cell in effort.cells for row in _up_to_overload(effort, *cell)],
        "overload": {"runs": effort.overload.runs, "interval_s": effort.overload.interval},
        "collapse": {},
    }
    print(ceiling_tables.plain(ceiling_tables.cells(found)), flush=True)
    for kind in ceiling_collapse.CLIENTS:
        found["collapse"][kind] = ceiling_collapse.measure(kind, effort.overload)
    found["took_s"] = round(time.monotonic() - began)
    print(f"\n{effort.overload.runs} runs on a Pushgateway as it comes")
    print(ceiling_tables.plain(ceiling_tables.collapse(found)))
    if options.save:
        with open(options.save, "w") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How many runs one gateway carries.")
    parser.add_argument("--quick", action="store_true", help="a few runs: does it all work?")
    parser.add_argument("--save", nargs="?", const=RESULTS, help="write results/ceiling.json")
    return parser.parse_args()


def _up_to_overload(
    effort: Effort, kind: str, interval: float, numbers: tuple[int, ...]
) -> list[dict[str, Any]]:
    """One row a number of runs; what comes after the first overload would tell no more."""
    rows: list[dict[str, Any]] = []
    for runs in numbers:
        with serving(kind) as gateway:
            if gateway is None:
                print(f"{kind}: its program is not installed", file=sys.stderr)
                return rows
            row = asyncio.run(_measured(effort, gateway, runs, interval))
        rows.append({"gateway": kind, **row})
        print(f"{kind}, {runs} runs: {row['verdict']}", file=sys.stderr)
        if row["verdict"] == "overloaded":
            return rows
    return rows


async def _measured(effort: Effort, gateway: Served, runs: int, interval: float) -> dict[str, Any]:
    requests = [SimulatedRun(k, interval).request(gateway.url) for k in range(runs)]
    load, scrapes = Load(gateway.url, requests, interval), list[Scrape]()
    await load.fill()
    load.start()
    await asyncio.sleep(max(effort.warm_s, 0.8 * interval))
    scraping = asyncio.create_task(_scrape_on(gateway.url, effort.scrapes_every_s, scrapes))
    since, before = asyncio.get_running_loop().time(), _cpu_s(gateway)
    window = max(effort.window_s, 1.5 * interval)
    await asyncio.sleep(window)
    cores = [(b - a) / window for a, b in zip(before, _cpu_s(gateway), strict=True)]
    usage, tally = gateway.usage(), load.stop(since)
    scraping.cancel()
    return _row(runs, interval, tally, window) | {
        "memory_mb": round(usage.rss / 1e6, 1),
        "most_memory_mb": round(usage.most_rss / 1e6, 1),
        "gateway_cores": round(cores[0], 3),
        "load_cores": round(cores[1], 3),
        "other_cores": round(max(0.0, cores[2] - cores[0] - cores[1]), 3),
        "scrape_s": round(max(each.took_s for each in scrapes), 3),
        "scrape_mb": round(max(each.size for each in scrapes) / 1e6, 3),
    }


async def _scrape_on(url: str, every: float, scrapes: list[Scrape]) -> None:
    while True:
        began = time.monotonic()
        scrapes.append(await asyncio.to_thread(scrape, url))
        await asyncio.sleep(max(0.0, began + every - time.monotonic()))


def _cpu_s(gateway: Served) -> tuple[float, float, float]:
    """Of the gateway, of us who make the load, and of the whole machine."""
    return gateway.usage().cpu_s, time.process_time(), machine_cpu_s()


def _row(runs: int, interval: float, tally: Tally, window: float) -> dict[str, Any]:
    p99 = share(tally.took_s, 0.99)
    bearable = min(interval, _PUSH_TIMEOUT_S)
    verdict = "at its limit"
    if p99 < bearable * _QUICK_SHARE:
        verdict = "keeps up"
    elif p99 > bearable * _SLOW_SHARE:
        verdict = "overloaded"
    return {
        "runs": runs,
        "interval_s": interval,
        "offered_s": round(len(tally.took_s) / window, 2),
        "served_s": round(tally.served / window, 2),
        "refused": tally.refused,
        "waiting": tally.waiting,
        "p50_ms": round(share(tally.took_s, 0.5) * 1000, 2),
        "p99_ms": round(p99 * 1000, 2),
        "verdict": verdict,
    }


if __name__ == "__main__":
    sys.exit(main())
