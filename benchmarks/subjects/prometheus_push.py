"""prometheus_client, with push_to_gateway after each report."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway
from subject import Place, Subject


class PrometheusPush(Subject):
    label = "push_to_gateway"
    note = "prometheus_client, Gauge.set and a push for each report"
    packages = ("prometheus_client",)
    speaks = "pushgateway"
    each_is_sent = True
    calls = 50

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}

    def report(self, name: str, value: float) -> None:
        self._set(name, value)
        self._push()

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:  # noqa: ARG002
        for name, value in pairs:
            self._set(name, value)
        self._push()

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True

    def _set(self, name: str, value: float) -> None:
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"reported_{name}", "Reported", registry=self._registry)
        self._gauges[name].set(value)

    def _push(self) -> None:
        try:
            push_to_gateway(str(self.place.gateway), "benchmarks", self._registry)
        except OSError:
            pass  # training goes on


SUBJECT = PrometheusPush
