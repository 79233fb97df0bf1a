"""Ours by handles, every point kept: `loss = r.metric("loss"); loss(0.37)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

from subject import Place
from subjects.reporter_points import ReporterPoints

import reporter


class ReporterHandle(ReporterPoints):
    label = "handle"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._handles: dict[str, Any] = {}
        self.report = self._report

    def own_loops(self) -> dict[str, Callable[[int], None]]:
        return {self.label: _plain(self.run), "handle step=": _with_step(self.run)}

    def _report(self, name: str, value: float) -> None:
        try:
            self._handles[name](value)
        except KeyError:
            self._handles[name] = self.run.metric(name)
            self._handles[name](value)

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:
        handles = self._handles
        try:
            for name, value in pairs:
                handles[name](value)
        except KeyError:
            super().report_round(pairs, step)


def _plain(r: reporter.Reporter) -> Callable[[int], None]:
    loss = r.metric("loss")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            loss(0.37)

    return loop


def _with_step(r: reporter.Reporter) -> Callable[[int], None]:
    loss = r.metric("loss")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            loss(0.37, step=12_345)

    return loop


SUBJECT = ReporterHandle
