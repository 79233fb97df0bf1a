"""prometheus_client's Gauge, and a thread that pushes them all once an interval."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import repeat

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from subject import Place, Subject


class PrometheusGauge(Subject):
    label = "Gauge.set"
    note = "prometheus_client, pushed each second by a thread"
    packages = ("prometheus_client",)
    speaks = "pushgateway"
    calls = 20_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        self._ended = threading.Event()
        self._pusher = threading.Thread(target=self._push_regularly, daemon=True)
        if place.gateway:
            self._pusher.start()
        labelled = Gauge("labelled", "Reported", ["run"], registry=self._registry)
        self.loops = {
            self.label: _set(Gauge("loss", "Reported", registry=self._registry)),
            "Gauge.labels.set": _labels_set(labelled),
        }

    def report(self, name: str, value: float) -> None:
        try:
            self._gauges[name].set(value)
        except KeyError:
            self._gauges[name] = Gauge(f"reported_{name}", "Reported", registry=self._registry)
            self._gauges[name].set(value)

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True

    def leave(self) -> None:
        """The last values go out, as `atexit` would see to."""
        self._ended.set()
        if self._pusher.is_alive():
            self._pusher.join()
            self._push()

    def _push_regularly(self) -> None:
        while not self._ended.wait(self.place.interval):
            self._push()

    def _push(self) -> None:
        key = {"rank": str(self.place.rank)}
        try:
            push_to_gateway(str(self.place.gateway), "benchmarks", self._registry, key)
        except OSError:
            pass  # the next push may succeed


def _set(gauge: Gauge) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            gauge.set(0.37)

    return loop


def _labels_set(gauge: Gauge) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            gauge.labels("one").set(0.37)

    return loop


SUBJECT = PrometheusGauge
