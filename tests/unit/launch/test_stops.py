"""Which of the stops that we were told explains an end."""

from __future__ import annotations

import signal

from reporter.launch.stops import Stops

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP


class Clock:
    """A time that goes on when it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stop_is_meant_for_a_minute() -> None:
    """An end that comes later has another cause."""
    clock = Clock()
    stops = Stops(clock)
    assert stops.meant() is None
    stops.note(TERM)
    clock.now = 59
    assert stops.meant() is TERM
    clock.now = 61
    assert stops.meant() is None


def test_a_program_that_got_over_a_stop_may_be_stopped_again() -> None:
    """The first of the last minute counts: what comes soon after it is said for emphasis."""
    clock = Clock()
    stops = Stops(clock)
    stops.note(HUP)
    clock.now = 300
    stops.note(TERM)
    clock.now = 330
    stops.note(INT)
    assert stops.meant() is TERM
