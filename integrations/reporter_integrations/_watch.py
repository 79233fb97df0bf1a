"""A stopwatch for loops within loops: every second goes to one phase, and to the innermost."""

from __future__ import annotations

from time import perf_counter

from reporter.reporter.pace import Pace


class Watch:
    """Attributes the time since its last lap, less what others have attributed meanwhile.

    It reads the host's clock alone: time that a device takes shows where the host waits for it.
    """

    __slots__ = ("_pace", "_start")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._start = perf_counter() - pace.spent_so_far

    def lap(self, phase: str) -> None:
        """This phase took the time since the last lap."""
        # Whatever anybody attributes moves this clock back, so that it stands still in between.
        now = perf_counter() - self._pace.spent_so_far
        if now > self._start:
            self._pace.spent(phase, now - self._start)
        else:
            self._start = now

    def skip(self) -> None:
        """Nobody gets the time since the last lap."""
        self._start = perf_counter() - self._pace.spent_so_far
