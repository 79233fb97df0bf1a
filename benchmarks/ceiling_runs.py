"""Simulated runs: what each of them shows, made by the sender's own code, and where it goes."""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from reporter.names import DROP_REASONS
from reporter.record import events
from reporter.record.events import Event
from reporter.run.identity import new_run_id
from reporter.sender.gauges import Gauges
from reporter.sinks.exposition import render
from reporter.sinks.pushgateway import group_path

SERIES = 50
_FACTS = ("project", "run_name", "host", "pod", "namespace", "node", "git_commit", "framework")
_PARAMETERS = ("optimizer_name", "loss_method", "epsilon", "learning_rate", "seed", "precision")
_METRICS = ("step", "epoch", "overall_epochs", "batch_size", "loss", "accuracy", "learning_rate")


class SimulatedRun:
    """The gauges and the group of one run in the middle of its training: 50 series."""

    def __init__(self, number: int, interval: float) -> None:
        run = new_run_id()
        self.group = {"job": "reporter_pod_info", "podUUID": run, "run": run, "rank": "0"}
        facts = {name: f"{name} of {number}" for name in _FACTS} | {"version": "1"}
        self.gauges = Gauges(
            facts, parameter_prefix="reporter_push_gateway_metric", series_limit=1000, lease=86400
        )
        self._begin(interval)
        named = iter([*_METRICS, *(f"layer_{k}/gradient_norm" for k in range(SERIES))])
        while self.series() < SERIES:
            self.gauges.newest.set(next(named), 0.37 * (number + 1), 12, time.time())

    def _begin(self, interval: float) -> None:
        gauges, now = self.gauges, time.time()
        gauges.apply(Event(now, events.START, {"attempt": 1}))
        gauges.apply(Event(now, events.STAGE, {"name": "train"}))
        for name in _PARAMETERS:
            gauges.apply(Event(now, events.PARAMETER, {"name": name, "value": "some value"}))
        gauges.progress = (12.0, 100.0)
        gauges.account.interval, gauges.account.push_seconds = interval, 0.01
        gauges.account.dropped = dict.fromkeys(DROP_REASONS, 0)

    def series(self) -> int:
        """How many it pushes now."""
        return sum(len(family.samples) for family in self.gauges.families(time.time()))

    def request(self, url: str) -> bytes:
        """One push of it, as the sender's sink writes it."""
        body = gzip.compress(render(self.gauges.families(time.time())), mtime=0)
        return http_request("PUT", url, group_path(self.group), body)


def http_request(
    method: str, url: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of one request over a connection that is kept."""
    parts = {"Host": urlsplit(url).netloc, "Content-Length": str(len(body)), **(headers or {})}
    if body:
        parts |= {
            "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
            "Content-Encoding": "gzip",
        }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in parts.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
