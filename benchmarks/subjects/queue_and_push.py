"""The older library's way: a queue to a process that pushes each report by itself.

Like it: no limit on the queue, one request a report, an end without a time limit, and after three
failures in a row it gives up without a word.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway
from subject import PATIENCE_S, Place, Subject, wait_for

_FAILURES = 3
_PREFIX = "reporter_push_gateway_metric_"


class QueueAndPush(Subject):
    label = "queue and push"
    note = "the older library's way: a process that pushes each report"
    packages = ("prometheus_client",)
    speaks = "pushgateway"
    each_is_sent = True
    calls = 300

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        context = multiprocessing.get_context()
        self._queue: Any = context.Queue()
        key = {"podUUID": f"benchmarks-{place.rank}"}
        self._sender = context.Process(target=_send, args=(self._queue, place.gateway, key))
        self._sender.start()

    def report(self, name: str, value: float) -> None:
        self._queue.put((name, value, "metric"))

    def settle(self, limit: float = PATIENCE_S) -> bool:
        taken = wait_for(lambda: self._queue.qsize() == 0, limit)
        return taken and super().settle(limit)

    def leave(self) -> None:
        self._queue.put(None)
        self._sender.join()


def _send(queue: Any, gateway: str | None, key: dict[str, str]) -> None:
    failures = 0
    while (told := queue.get()) is not None:
        if gateway is None or failures >= _FAILURES:
            continue
        try:
            _push(gateway, key, *told)
            failures = 0
        except OSError:
            failures += 1


def _push(gateway: str, key: dict[str, str], name: str, value: float, kind: str) -> None:
    registry = CollectorRegistry()
    labels = ["metric_name", "push_gateway_type"]
    gauge = Gauge(_PREFIX + name, "", labels, registry=registry)
    gauge.labels(name, kind).set(value)
    pushadd_to_gateway(gateway, "reporter_pod_info", registry, key)


SUBJECT = QueueAndPush
