"""statsd: one UDP packet for each report."""

from __future__ import annotations

from statsd import StatsClient
from subject import Place, Subject


class StatsdUdp(Subject):
    label = "statsd"
    note = "a UDP packet for each report"
    packages = ("statsd",)
    speaks = "statsd"
    each_is_sent = True
    calls = 5_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        host, _, port = (place.gateway or "127.0.0.1:9").rpartition(":")
        self._client = StatsClient(host, int(port))

    def report(self, name: str, value: float) -> None:
        self._client.gauge(name, value)

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True

    def leave(self) -> None:
        self._client.close()


SUBJECT = StatsdUdp
