"""Ours, every point kept: a Reporter that is really entered, its sender draining beside it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

from subject import PATIENCE_S, Place, Subject

import reporter


class ReporterPoints(Subject):
    label = "report_metric"
    note = "every point kept"
    packages = ("run-reporter",)
    speaks = "pushgateway"
    calls = 100_000
    points = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.run = reporter.Reporter(
            "benchmarks",
            gateway=place.gateway,
            mode="online" if place.gateway else "offline",
            dir=place.folder,
            interval=place.interval,
            rank=place.rank,
            points=self.points,
        )
        self.run.__enter__()
        self.report = self.run.report_metric
        self.loops = self.own_loops()

    def own_loops(self) -> dict[str, Callable[[int], None]]:
        return {self.label: _plain(self.run), "report_metric step=": _with_step(self.run)}

    def settle(self, limit: float = PATIENCE_S) -> bool:
        return self.run.flush(limit)

    def leave(self) -> None:
        self.run.finish()

    def told(self) -> dict[str, object]:
        status: dict[str, Any] = self.run.status()
        kept = {key: status[key] for key in ("delivered", "pushes", "recorded", "sender")}
        return {**kept, "dropped": sum(status["dropped"].values())}


def _plain(r: reporter.Reporter) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            r.report_metric("loss", 0.37)

    return loop


def _with_step(r: reporter.Reporter) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            r.report_metric("loss", 0.37, step=12_345)

    return loop


SUBJECT = ReporterPoints
