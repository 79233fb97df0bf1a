"""When to push: coalesced, jittered, backing off from a gateway that fails, is slow or says no."""

from __future__ import annotations

import random
from collections.abc import Callable

from reporter.sinks.base import Outcome

AFTER_FIRST_REPORT = 0.1
AFTER_SILENT_START = 2.0
BETWEEN_CHANGES = 1.0
_IN_FLIGHT = float("inf")
_FIRST_RETRY, _LONGEST_RETRY = 0.5, 30.0
_AFTER_DENIAL = 300.0
_LONGEST_INTERVAL = 300.0
_PUSH_TIMEOUT = 10.0  # of the sinks: half of it is slow, however long the interval is


class Schedule:
    """Knows the time of the next push. Times are of a clock that never jumps."""

    def __init__(
        self, interval: float, now: float, jitter: Callable[[], float] = random.random
    ) -> None:
        self.interval = interval  # in force: grows while the gateway is slow
        self.due = now + AFTER_SILENT_START
        self._wanted = interval
        self._jitter = jitter
        self._started: float | None = None
        self._failures = 0
        self._change_waits = False

    def reported(self, now: float) -> None:
        """A report came; only the first one moves the push."""
        if self._started is None:
            self.due = min(self.due, now + AFTER_FIRST_REPORT)

    def changed(self, now: float) -> None:
        """A state, stage or parameter changed: soon, yet never more than one push a second."""
        if self._started is None:
            self.reported(now)
        elif not self._failures:
            self._change_waits = self.due == _IN_FLIGHT
            if not self._change_waits:
                self.due = min(self.due, max(now, self._started + BETWEEN_CHANGES))

    def flush(self, now: float) -> None:
        """Someone waits for a push: now, yet no more than one a second either."""
        if self._started is None or not self._failures:
            self.due = max(now, (self._started or 0.0) + BETWEEN_CHANGES)
            if self._started is None:
                self.due = now

    def started(self, now: float) -> None:
        """A push is on its way."""
        self._started = now
        self.due = _IN_FLIGHT
        self._change_waits = False

    def ended(self, now: float, outcome: Outcome) -> None:
        """The push is over."""
        if outcome.ok:
            self._failures = 0
            self._adapt(outcome.seconds)
            started = now if self._started is None else self._started
            pause = self.interval * self._part()
            if self._change_waits:  # it came while the push was in flight
                pause = min(pause, BETWEEN_CHANGES)
            self.due = max(now, started + pause)
        else:
            if self._was_slow(outcome):
                self._adapt(outcome.seconds)
            self.due = now + self._pause(outcome)
            self._failures += 1

    def _adapt(self, seconds: float) -> None:
        if seconds > self._bearable() / 2:
            self.interval = min(self.interval * 2, max(_LONGEST_INTERVAL, self._wanted))
        elif seconds < self._bearable() / 8:
            self.interval = max(self.interval / 2, self._wanted)

    def _part(self) -> float:
        """Of the interval: wide while the gateway is slow, or runs that it held up stay in step."""
        least = 0.9 if self.interval <= self._wanted else 0.5
        return least + (1 - least) * self._jitter()

    def _bearable(self) -> float:
        return min(self.interval, _PUSH_TIMEOUT)

    def _was_slow(self, outcome: Outcome) -> bool:
        """Whether a push failed for want of time: the gateway may well be at work on it still."""
        return not outcome.refused and outcome.seconds > self._bearable() / 2

    def _pause(self, outcome: Outcome) -> float:
        if outcome.retry_after_s is not None:
            return outcome.retry_after_s
        longest = _AFTER_DENIAL if outcome.denied else _LONGEST_RETRY
        ceiling = min(longest, _FIRST_RETRY * 2.0 ** min(self._failures, 20))
        # Full jitter: a gateway that comes back must not meet every run at once.
        pause = max(0.05, ceiling * self._jitter())
        if self._was_slow(outcome):  # to hurry would only make it slower, for all runs
            pause = max(pause, self.interval * self._part())
        return pause
