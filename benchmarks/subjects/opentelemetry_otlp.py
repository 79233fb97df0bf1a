"""OpenTelemetry: gauges that a thread exports by OTLP over HTTP once an interval."""

from __future__ import annotations

import logging
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from subject import Place, Subject

logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells of every retry


class OpenTelemetryOtlp(Subject):
    label = "OpenTelemetry"
    note = "gauge, OTLP over HTTP each second"
    packages = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
    speaks = "otlp"
    calls = 3_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        readers = []
        if place.gateway:
            exporter = OTLPMetricExporter(f"{place.gateway}/v1/metrics")
            readers = [PeriodicExportingMetricReader(exporter, place.interval * 1000)]
        self._provider = MeterProvider(metric_readers=readers)
        self._meter = self._provider.get_meter("benchmarks")
        self._gauges: dict[str, Any] = {}

    def report(self, name: str, value: float) -> None:
        try:
            self._gauges[name].set(value)
        except KeyError:
            self._gauges[name] = self._meter.create_gauge(name)
            self._gauges[name].set(value)

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True

    def leave(self) -> None:
        self._provider.shutdown()


SUBJECT = OpenTelemetryOtlp
