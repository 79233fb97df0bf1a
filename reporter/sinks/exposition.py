"""Owns how families become the text that a Pushgateway reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

from reporter.sinks.base import Family


class _Families(Collector):
    """A custom collector: the library's own gauges would obey its multiprocess mode."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return map(_gauge, self._families)


def render(families: Sequence[Family]) -> bytes:
    """The text format of these families, each a gauge, without timestamps."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry)


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot carry (lone surrogates) spelt out: two names stay two."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _gauge(family: Family) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(family.name, encodable(family.help))
    gauge.samples = [
        Sample(family.name, {label: encodable(text) for label, text in labels.items()}, value)
        for labels, value in family.samples
    ]
    return gauge
