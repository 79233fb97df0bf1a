"""prometheus_client's Gauge, which leaves it to the caller to push."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

from prometheus_client import CollectorRegistry, Gauge


class PrometheusGauge:
    """A labelled gauge: its child looked up once, and looked up by each call."""

    calls = 20_000

    def __init__(self) -> None:
        gauge = Gauge("loss", "Reported", ["run"], registry=CollectorRegistry())
        self.loops = {"Gauge.set": _set(gauge), "Gauge.labels.set": _labels_set(gauge)}

    def settle(self) -> None:
        """Nothing is outstanding: nothing is sent."""

    def close(self) -> dict[str, object]:
        return {}


def _set(gauge: Gauge) -> Callable[[int], None]:
    child = gauge.labels("one")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            child.set(0.37)

    return loop


def _labels_set(gauge: Gauge) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            gauge.labels("one").set(0.37)

    return loop


SUBJECT = PrometheusGauge
