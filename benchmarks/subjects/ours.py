"""Ours: Reporters that are really entered, each with its sender draining in another process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import reporter

_STATUS_S = 1.2  # the sender renews its status once a second


class Ours:
    """`settle` waits until the sender has recorded all, so that the ring never fills."""

    calls = 100_000

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._every = self._enter(points=True)
        self._newest = self._enter(points=False)
        self.loops = {
            "report_metric": _plain(self._every),
            "report_metric step=": _with_step(self._every),
            "handle": _handle(self._every),
            "handle step=": _handle_with_step(self._every),
            "points=False": _plain(self._newest),
            "points=False handle": _handle(self._newest),
        }

    def _enter(self, *, points: bool) -> reporter.Reporter:
        kept = {"mode": "offline", "dir": self._folder.name, "points": points}
        return reporter.Reporter("benchmarks", **kept).__enter__()

    def settle(self) -> None:
        if not self._every.flush(60):
            raise RuntimeError("the sender did not take what was reported within a minute")

    def close(self) -> dict[str, object]:
        self.settle()
        time.sleep(_STATUS_S)
        told: dict[str, Any] = self._every.status()
        for each in (self._newest, self._every):
            each.finish()
        self._folder.cleanup()
        return {"recorded": told.get("recorded"), "dropped": told.get("dropped")}


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


def _handle(r: reporter.Reporter) -> Callable[[int], None]:
    loss = r.metric("loss")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            loss(0.37)

    return loop


def _handle_with_step(r: reporter.Reporter) -> Callable[[int], None]:
    loss = r.metric("loss")

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            loss(0.37, step=12_345)

    return loop


SUBJECT = Ours
