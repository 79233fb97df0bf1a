"""Measures what reporting costs, ours and its neighbours' or all peers', and holds it to the bars.

python benchmarks/run.py [--peers] [--quick] [--save] [--only NAME,…]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import alone
import bars
import effort
import figures
import lineup
import machine
import measures
import tables
from measures import Bench
from probing import HERE, Probes

STATES = ("alive", "closed", "silent")


def main() -> int:
    options, began = _options(), time.monotonic()
    chosen = {
        (False, False): effort.OURS,
        (False, True): effort.OURS_QUICK,
        (True, False): effort.PEERS,
        (True, True): effort.PEERS_QUICK,
    }[options.peers, options.quick]
    found: dict[str, Any] = {"quick": options.quick, "machine": machine.facts()}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bench = Bench(Probes(folder), chosen)
        (_peers if options.peers else _ours)(bench, found, options.only)
    found["took_s"] = round(time.monotonic() - began)
    held = bars.PEER_BARS if options.peers else bars.BARS
    found["missed"] = bars.missed(found["figures"], held)
    print("\n".join(tables.printed(found)))
    print("\n" + "\n".join(bars.table(found["figures"], held)))
    print(f"\n{found['took_s']} s")
    if options.save:
        _save(found, "peers" if options.peers else "ours")
    return 1 if found["missed"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What reporting costs.")
    parser.add_argument("--peers", action="store_true", help="every peer that is installed, too")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it all work?")
    parser.add_argument("--save", action="store_true", help="write results/ours.json or peers.json")
    parser.add_argument("--only", default="", help="of the peers these, by their files' names")
    return parser.parse_args()


def _save(found: dict[str, Any], name: str) -> None:
    with open(os.path.join(HERE, "results", f"{name}.json"), "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


def _said(what: str) -> None:
    """Progress goes to standard error, tables to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _ours(bench: Bench, found: dict[str, Any], _: str) -> None:
    """Ours and the floors, in about a minute."""
    names = [*lineup.FLOORS, *lineup.NEIGHBOURS, *lineup.OURS]
    _look(bench, found, names)
    subjects, there = found["subjects"], bench.there(names)
    _said("calls")
    told = measures.own_calls(bench, there)
    raw = told.pop("raw")
    found["calls"], found["calls dropped"] = told["labels"], told.get("dropped", 0)
    _said("single calls")
    row = [name for name in there if name not in ("mapped_store", "reporter_handle")]
    _keep(subjects, "row", measures.calls_in_a_row(bench, row))
    for name in lineup.OURS[:2]:
        states = (*STATES, "stopped") if name == figures.POINTS else STATES
        subjects[name]["bursts"] = measures.calls_in_bursts(bench, name, states)
    _said("paced, product")
    _keep(subjects, "paced", measures.paced(bench, [*lineup.FLOORS[:2], *lineup.OURS]))
    product = [lineup.FLOORS[0], *lineup.OURS[:2]]
    _keep(subjects, "product", measures.product(bench, product))
    _said("start")
    found["start"], found["later entries"] = alone.starts(bench), alone.entries(bench)
    _said("delivery")
    found["delivery"] = alone.deliveries(bench)
    runs = [measures.leaving(bench, figures.POINTS) for _ in range(bench.effort.leaves)]
    subjects[figures.POINTS]["leaving"] = runs
    _said("upkeep, leaving dead gateways")
    with ThreadPoolExecutor() as pool:  # both wait most of the time
        upkeep = pool.submit(alone.upkeep, bench)
        dead = measures.leaving_the_dead(bench, [figures.POINTS], bench.effort.reports)
        found["upkeep"] = upkeep.result()
    _keep(subjects, "leaving the dead", dead)
    found["figures"] = figures.of_ours(found, raw)


def _peers(bench: Bench, found: dict[str, Any], only: str) -> None:
    """Everyone, each in a process of its own, measure by measure."""
    wanted = [name for name in lineup.PEERS if not only or name in only.split(",")]
    own = [*lineup.FLOORS, *lineup.OURS]
    _look(bench, found, [*own, *wanted])
    there = bench.there([*own, *wanted])
    for measure, measured in MEASURES.items():
        _said(measure)
        for name in there:
            if measure not in OF_FLOORS and name in lineup.FLOORS:
                continue
            told = measured(bench, name)
            if told:
                found["subjects"][name][measure] = told
    _said("leaving the dead")
    dead = [name for name in there if bench.speaks(name) in ("pushgateway", "otlp")]
    _keep(found["subjects"], "leaving the dead", measures.leaving_the_dead(bench, dead, 100))
    _grown(bench, found, there)
    found["figures"] = figures.of_peers(found)


def _beside(bench: Bench, name: str) -> dict[str, Any]:
    told = measures.calls_beside(bench, name)
    told.pop("raw", None)
    return told


def _bursts(bench: Bench, name: str) -> dict[str, Any]:
    dead = bench.speaks(name) in ("pushgateway", "otlp")
    return measures.calls_in_bursts(bench, name, STATES if dead else STATES[:1])


def _paced(bench: Bench, name: str) -> dict[str, Any]:
    return measures.paced(bench, [lineup.FLOOR, name])[name]


def _product(bench: Bench, name: str) -> dict[str, Any]:
    return measures.product(bench, [lineup.FLOORS[0], name])[name]


def _delivery(bench: Bench, name: str) -> dict[str, Any]:
    effort_ = bench.effort
    return measures.delivery(bench, name, effort_.changes, effort_.delivered_rounds)


MEASURES = {
    "beside": _beside,
    "bursts": _bursts,
    "paced": _paced,
    "product": _product,
    "footprint": measures.footprint,
    "delivery": _delivery,
    "names": measures.names,
    "leaving": measures.leaving,
}
OF_FLOORS = ("beside", "bursts", "paced", "product", "names")


def _grown(bench: Bench, found: dict[str, Any], there: list[str]) -> None:
    """What only some are put to: frameworks' hooks, ranks, runs of others on the gateway."""
    chosen = [name for name in (lineup.FLOOR, *lineup.OURS[:2], *HOOKED) if name in there]
    for framework in ("keras", "lightning"):
        _said(framework)
        told = {name: measures.hook(bench, name, framework) for name in chosen}
        found.setdefault("hooks", {})[framework] = told
        for reason in {each["failed"] for each in told.values() if "failed" in each}:
            print(f"{framework}: {reason}")
    pushing = [name for name in PUSHING if name in there]
    _said("ranks, runs")
    found["ranks"] = {
        name: {str(n): measures.ranks(bench, name, n) for n in bench.effort.ranks}
        for name in pushing
    }
    found["runs"] = {
        name: {str(n): measures.delivery(bench, name, 1, 5, n) for n in bench.effort.groups}
        for name in pushing
    }


PUSHING = (figures.POINTS, "prometheus_gauge", "queue_and_push")
HOOKED = (
    "prometheus_gauge",
    "queue_and_push",
    "opentelemetry_otlp",
    "tensorboardx",
    "wandb_offline",
)


def _look(bench: Bench, found: dict[str, Any], names: list[str]) -> None:
    bench.look(names)
    found["versions"] = machine.versions()
    found["subjects"] = {}
    for name in bench.there(names):
        look = bench.looks[name]
        found["versions"] |= look["versions"]
        found["subjects"][name] = {"label": look["label"], "note": look["note"]}


def _keep(subjects: dict[str, Any], measure: str, told: dict[str, Any]) -> None:
    for name, each in told.items():
        subjects[name][measure] = each


if __name__ == "__main__":
    sys.exit(main())
