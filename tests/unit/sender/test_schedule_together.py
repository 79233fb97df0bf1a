"""Many schedules and one gateway that is too slow for them, in a time that is only counted.

The gateway is modelled on what a Pushgateway does: one push after the other, each the slower the
more groups are held, and those whose client has given up as well.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from reporter.sender.schedule import Schedule
from reporter.sinks.base import Outcome

TIMEOUT = 10.0  # of the sinks
COST = 200e-6  # for each group held: 50 series


@dataclass
class Stretch:
    """What happened in a stretch of time."""

    answered: list[float] = field(default_factory=list)
    late: int = 0
    most_waiting: int = 0


class Overload:
    """Runs that all start within one interval, and the gateway's queue."""

    def __init__(self, runs: int) -> None:
        chance = random.Random(1).random
        self.schedules = [Schedule(5.0, 0.0, chance) for _ in range(runs)]
        self._service = COST * runs
        self._events: list[tuple[float, int, str]] = []
        self._queue: deque[int] = deque()
        self._in_flight: dict[int, float] = {}  # run: since when its push waits for an answer
        self._stretch = Stretch()
        for run in range(runs):
            self._at(5.0 * chance(), run, "push")

    def until(self, end: float) -> Stretch:
        """Let time pass; what happened in it."""
        self._stretch = Stretch()
        while self._events and self._events[0][0] < end:
            now, run, what = heapq.heappop(self._events)
            {"push": self._push, "serve": self._serve, "give up": self._give_up}[what](now, run)
            self._stretch.most_waiting = max(self._stretch.most_waiting, len(self._queue))
        return self._stretch

    def _at(self, time: float, run: int, what: str) -> None:
        heapq.heappush(self._events, (time, run, what))

    def _push(self, now: float, run: int) -> None:
        self.schedules[run].started(now)
        self._in_flight[run] = now
        self._queue.append(run)
        self._at(now + TIMEOUT, run, "give up")
        if len(self._queue) == 1:
            self._at(now + self._service, run, "serve")

    def _serve(self, now: float, run: int) -> None:
        self._queue.popleft()
        if self._queue:
            self._at(now + self._service, self._queue[0], "serve")
        # The answer to a push that was given up reaches nobody, be there a newer one or not.
        if run in self._in_flight and run not in self._queue:
            took = now - self._in_flight[run]
            self._stretch.answered.append(took)
            self._over(now, run, Outcome(ok=True, seconds=took))

    def _give_up(self, now: float, run: int) -> None:
        if now - self._in_flight.get(run, now) >= TIMEOUT - 1e-6:
            self._stretch.late += 1
            self._over(now, run, Outcome(ok=False, problem="no answer", seconds=TIMEOUT))

    def _over(self, now: float, run: int, outcome: Outcome) -> None:
        del self._in_flight[run]
        self.schedules[run].ended(now, outcome)
        self._at(self.schedules[run].due, run, "push")


@pytest.mark.parametrize("runs", [300, 400])
def test_e16_runs_far_beyond_a_gateways_ceiling_settle_at_what_it_can_take(runs: int) -> None:
    """Many runs on one slow gateway find longer intervals: it answers all, as fast as it can."""
    overload, capacity = Overload(runs), 1 / (COST * runs)
    first = overload.until(60)
    assert first.late  # it begins with more pushes than can be answered in time
    overload.until(400)
    later = overload.until(1000)
    assert later.late == 0
    assert max(later.answered) < TIMEOUT
    assert later.most_waiting < runs
    assert 0.8 * capacity < len(later.answered) / 600 <= 1.01 * capacity


def test_e16_runs_below_the_ceiling_keep_their_interval() -> None:
    """Where one gateway suffices, nothing is slowed down."""
    overload = Overload(100)
    overload.until(300)
    assert {schedule.interval for schedule in overload.schedules} == {5.0}
