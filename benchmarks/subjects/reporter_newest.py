"""Ours with points=False: the newest value of each metric, and no history."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

from subjects.reporter_points import ReporterPoints

import reporter


class ReporterNewest(ReporterPoints):
    label = "report_metric, points=False"
    note = "the newest value only"
    points = False

    def own_loops(self) -> dict[str, Callable[[int], None]]:
        return {self.label: _plain(self.run), "handle, points=False": _handle(self.run)}


def _plain(r: reporter.Reporter) -> Callable[[int], None]:
    def loop(n: int) -> None:
        for _ in repeat(None, n):
            r.report_metric("loss", 0.37)

    return loop


def _handle(r: reporter.Reporter) -> Callable[[int], None]:
    loss = r.metric("loss")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            loss(0.37)

    return loop


SUBJECT = ReporterNewest
