"""What every adapter is: one way of reporting, opened on a place, left in the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import repeat

import processes

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Place:
    """Where a subject may write and deliver to."""

    folder: str
    gateway: str | None = None  # what the subject `speaks`; None: it delivers nothing
    rank: int = 0
    interval: float = 1.0  # between pushes, for all that push by the clock


class Subject:
    """Adapters override what is not so with them; making one is what a user does at the start."""

    label = ""  # its row in the tables
    note = ""  # what the label does not say
    packages: tuple[str, ...] = ()  # whose versions belong to the figures
    speaks = ""  # pushgateway, otlp or statsd; empty: files, or nothing at all
    each_is_sent = False  # whether each report is a request or a packet of its own
    calls = 1000  # of one loop in a round
    loops: dict[str, Callable[[int], None]]  # a label and what makes that many calls

    def __init__(self, place: Place) -> None:
        self.place = place
        self.loops = {self.label: self.loop}

    def report(self, name: str, value: float) -> None:
        """Report one number, as a user would."""
        raise NotImplementedError

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:  # noqa: ARG002
        """Report several numbers of one step, as a user would."""
        report = self.report
        for name, value in pairs:
            report(name, value)

    def loop(self, n: int) -> None:
        report = self.report
        for _ in repeat(None, n):
            report("loss", 0.37)

    def settle(self, limit: float = PATIENCE_S) -> bool:
        """Wait until what was reported is no longer on its way; False at the limit."""
        return processes.wait_until_idle(os.getpid(), limit)

    def leave(self) -> None:
        """What a user does at the end, explicit or not: it returns when the subject lets go."""

    def told(self) -> dict[str, object]:
        """What it knows of itself, after leaving too."""
        return {}

    @classmethod
    def arrived(cls, place: Place) -> int | None:  # noqa: ARG003
        """Reports found in the files of a subject that ended, however; None: not countable."""
        return None


def wait_for(done: Callable[[], bool], limit: float, nap: float = 0.002) -> bool:
    until = time.monotonic() + limit
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(nap)
    return True
