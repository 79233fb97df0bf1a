"""Everyone, each in a process of its own, measure by measure: what `make bench-peers` measures."""

from __future__ import annotations

from typing import Any

import figures
import lineup
import measures
from measures import STATES, Bench, said

_FEW = 100  # reports on their way to a gateway that is dead


def measure(bench: Bench, only: str = "") -> dict[str, Any]:
    """Everything that was found, the figures that have bars included."""
    wanted = [name for name in lineup.PEERS if not only or name in only.split(",")]
    own = [*lineup.FLOORS, *lineup.OURS]
    bench.look([*own, *wanted])
    found, there = bench.found(), bench.there([*own, *wanted])
    for measured, put_to in MEASURES.items():
        said(measured)
        for name in there:
            if measured in OF_FLOORS or name not in lineup.FLOORS:
                found["subjects"][name][measured] = put_to(bench, name)
    said("leaving the dead")
    dead = [name for name in there if bench.speaks(name) in ("pushgateway", "otlp")]
    left = measures.leaving_the_dead(bench, dead, _FEW)
    measures.keep(found["subjects"], "leaving the dead", left)
    found["hooks"] = {name: _hooks(bench, there, name) for name in ("keras", "lightning")}
    found |= _grown(bench, there)
    found["figures"] = figures.of_peers(found)
    return found


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


_HOOKED = (
    lineup.FLOOR,
    *lineup.OURS[:2],
    "prometheus_gauge",
    "queue_and_push",
    "opentelemetry_otlp",
    "tensorboardx",
    "trackio_local",
    "dvclive_files",
    "wandb_offline",
    "mlflow_async",
)
_PUSHING = (figures.POINTS, "prometheus_gauge", "queue_and_push")


def _hooks(bench: Bench, there: list[str], framework: str) -> dict[str, Any]:
    """Of those that people use in one; one that is not installed is left out with a word."""
    said(framework)
    chosen = [name for name in _HOOKED if name in there]
    told = {name: measures.hook(bench, name, framework) for name in chosen}
    for reason in {each["failed"] for each in told.values() if "failed" in each}:
        print(f"{framework}: {reason}")
    return told


def _grown(bench: Bench, there: list[str]) -> dict[str, Any]:
    """What several training processes cost, and other runs' groups on the gateway."""
    said("ranks, runs")
    effort, pushing = bench.effort, [name for name in _PUSHING if name in there]
    return {
        "ranks": {
            name: {str(n): measures.ranks(bench, name, n) for n in effort.ranks} for name in pushing
        },
        "runs": {
            name: {str(n): measures.delivery(bench, name, 1, 5, n) for n in effort.groups}
            for name in pushing
        },
    }
