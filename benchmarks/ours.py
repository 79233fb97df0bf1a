"""Ours and the floors, in little more than a minute: what `make bench` measures, in which order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import alone
import figures
import lineup
import measures
from measures import STATES, Bench, said

_NAMES = [*lineup.FLOORS, *lineup.NEIGHBOURS, *lineup.OURS]
_IN_A_ROW = [*lineup.FLOORS[:2], *lineup.NEIGHBOURS, *lineup.OURS[:2]]
_PACED = [*lineup.FLOORS[:2], *lineup.OURS]
_BESIDE_PRODUCTS = [lineup.FLOORS[0], *lineup.OURS[:2]]


def measure(bench: Bench) -> dict[str, Any]:
    """Everything that was found, the figures that have bars included."""
    bench.look(_NAMES)
    found = bench.found()
    said("calls")
    told = measures.own_calls(bench, bench.there(_NAMES))
    raw = told.pop("raw")
    found["calls"], found["calls dropped"] = told["labels"], told.get("dropped", 0)
    _single_calls(bench, found["subjects"])
    said("paced, product")
    measures.keep(found["subjects"], "paced", measures.paced(bench, _PACED))
    measures.keep(found["subjects"], "product", measures.product(bench, _BESIDE_PRODUCTS))
    said("start")
    found["start"], found["later entries"] = alone.starts(bench), alone.entries(bench)
    said("delivery")
    found["delivery"] = alone.deliveries(bench)
    _leaving(bench, found)
    found["figures"] = figures.of_ours(found, raw)
    return found


def _single_calls(bench: Bench, subjects: dict[str, Any]) -> None:
    said("single calls")
    measures.keep(subjects, "row", measures.calls_in_a_row(bench, bench.there(_IN_A_ROW)))
    # Each takes seconds; `make bench-peers` puts both into all states.
    for name, states in ((figures.POINTS, (*STATES, "stopped")), (figures.NEWEST, ["silent"])):
        subjects[name]["bursts"] = measures.calls_in_bursts(bench, name, states)


def _leaving(bench: Bench, found: dict[str, Any]) -> None:
    """Dead gateways are waited for while the sender's upkeep is watched."""
    said("leaving, upkeep")
    subjects, name = found["subjects"], figures.POINTS
    runs = [measures.leaving(bench, name) for _ in range(bench.effort.leaves)]
    subjects[name]["leaving"] = runs
    with ThreadPoolExecutor() as pool:
        upkeep = pool.submit(alone.upkeep, bench)
        dead = measures.leaving_the_dead(bench, [name], bench.effort.reports)
        found["upkeep"] = upkeep.result()
    measures.keep(subjects, "leaving the dead", dead)
