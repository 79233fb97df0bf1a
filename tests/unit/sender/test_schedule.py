"""When a push is due: a clock that the test moves, and jitter that it chooses."""

from __future__ import annotations

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.sender.schedule import _PUSH_TIMEOUT, Schedule
from reporter.sinks import sink_for
from reporter.sinks.base import Outcome

OK = Outcome(ok=True, seconds=0.01)
DOWN = Outcome(ok=False, problem="no route")


def schedule(interval: float = 5.0, jitter: float = 1.0) -> Schedule:
    return Schedule(interval, 100.0, lambda: jitter)


def push(s: Schedule, outcome: Outcome, now: float | None = None) -> float:
    """A push at the time it is due, which takes as long as its outcome says; when it started."""
    started = s.due if now is None else now
    s.started(started)
    s.ended(started + outcome.seconds, outcome)
    return started


def test_the_first_push_comes_a_tenth_of_a_second_after_the_first_report() -> None:
    """Later reports before it do not put it off."""
    s = schedule()
    s.reported(100.5)
    assert s.due == 100.6
    s.reported(100.59)
    assert s.due == 100.6


def test_a_run_that_reports_nothing_shows_itself_all_the_same() -> None:
    """Two seconds after the start: there is a run, and this is its state."""
    s = schedule()
    assert s.due == 102.0
    s.reported(101.99)
    assert s.due == 102.0


def test_a_change_before_the_first_push_is_like_a_report() -> None:
    """A parameter is as good as a metric."""
    s = schedule()
    s.changed(100.2)
    assert s.due == pytest.approx(100.3)


@pytest.mark.parametrize(("jitter", "after"), [(0.0, 4.5), (0.5, 4.75), (1.0, 5.0)])
def test_one_push_an_interval_with_a_little_jitter(jitter: float, after: float) -> None:
    """Counted from the start of the push before, so that the rate is the interval's."""
    s = schedule(jitter=jitter)
    started = push(s, Outcome(ok=True, seconds=0.4))
    assert s.due == pytest.approx(started + after)
    for now in (started + 1, started + 2):
        s.reported(now)
    assert s.due == pytest.approx(started + after)


def test_nothing_is_due_while_a_push_is_in_flight() -> None:
    """One at a time."""
    s = schedule()
    s.started(102.0)
    assert s.due == math.inf


def test_a_change_is_pushed_at_once_but_never_more_than_one_push_a_second() -> None:
    """A second after the push before, or now if that is long ago."""
    s = schedule()
    started = push(s, OK)
    s.changed(started + 0.2)
    assert s.due == started + 1
    s.changed(started + 0.9)
    assert s.due == started + 1
    again = push(s, OK)
    s.changed(again + 3)
    assert s.due == again + 3


def test_a_change_never_puts_a_push_off() -> None:
    """What is due sooner stays so."""
    s = schedule(interval=1.0, jitter=0.0)
    started = push(s, OK)
    s.changed(started + 0.5)
    assert s.due == pytest.approx(started + 0.9)


def test_a_change_while_a_push_is_in_flight_comes_with_the_next() -> None:
    """It is not forgotten: the push after it comes a second after the one it missed."""
    s = schedule()
    s.started(102.0)
    s.changed(102.1)
    s.ended(102.2, OK)
    assert s.due == 103.0
    again = push(s, OK)
    assert s.due == again + 5


def test_flushes_in_a_row_are_no_more_than_one_push_a_second() -> None:
    """A loop that flushes every step must not flood the gateway."""
    s = schedule()
    s.flush(100.05)
    assert s.due == 100.05
    started = push(s, OK)
    s.flush(started + 0.1)
    assert s.due == started + 1


def test_e1_failures_back_off_with_full_jitter_and_for_ever() -> None:
    """Retries come after half a second, doubled each time, at most thirty; for ever."""
    s = schedule(jitter=1.0)
    pauses = []
    for _ in range(5000):
        started = push(s, DOWN)
        pauses.append(s.due - started)
    assert pauses[:8] == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30])
    assert max(pauses) == pytest.approx(30)
    assert math.isfinite(s.due)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 40))
def test_e1_a_pause_is_anywhere_below_its_ceiling(jitter: float, failures: int) -> None:
    """A gateway that comes back does not meet every run at once, for pauses are random."""
    s = schedule(jitter=jitter)
    for _ in range(failures):
        push(s, DOWN)
    started = push(s, DOWN)
    assert 0.05 <= s.due - started + 1e-6 <= max(0.05, 0.5 * 2**failures) + 1e-3
    assert s.due - started <= 30 + 1e-6


def test_a_success_ends_the_backing_off() -> None:
    """The next failure starts from the beginning."""
    s = schedule()
    for _ in range(10):
        push(s, DOWN)
    push(s, OK)
    started = push(s, DOWN)
    assert s.due - started == pytest.approx(0.5)


def test_e1_a_change_does_not_hurry_a_gateway_that_fails() -> None:
    """A script that changes its stage often does not defeat the pauses."""
    s = schedule()
    for _ in range(6):
        push(s, DOWN)
    due = s.due
    s.changed(due - 10)
    s.reported(due - 5)
    assert s.due == due


def test_e15_a_gateway_that_names_a_time_is_obeyed() -> None:
    """`Retry-After` stands above every reckoning of ours."""
    s = schedule()
    started = push(s, Outcome(ok=False, retry_after_s=42.0))
    assert s.due == started + 42
    started = push(s, DOWN)
    assert s.due - started == pytest.approx(1.0)


def test_e12_a_denial_backs_off_further() -> None:
    """Retries of a refused credential become seldom, down to one in five minutes."""
    s = schedule()
    denied = Outcome(ok=False, denied=True)
    pauses = []
    for _ in range(12):
        started = push(s, denied)
        pauses.append(s.due - started)
    assert pauses[6] == pytest.approx(32)
    assert pauses[-1] == pytest.approx(300)


def test_e16_the_interval_grows_while_the_gateway_is_slow_and_shrinks_back() -> None:
    """A push that takes more than half of the interval doubles it; quick ones bring it back."""
    s = schedule()
    push(s, Outcome(ok=True, seconds=2.4))
    assert s.interval == 5
    for expected in (10.0, 20, 40, 80, 160, 300, 300):
        push(s, Outcome(ok=True, seconds=151))
        assert s.interval == expected or expected < 300
    assert s.interval == 300
    push(s, Outcome(ok=True, seconds=100))
    assert s.interval == 300
    for expected in (150, 75, 37.5, 18.75, 9.375, 5, 5):
        push(s, OK)
        assert s.interval == expected


def test_e16_a_slow_push_is_followed_by_the_next_without_a_burst() -> None:
    """A push that took longer than the interval is not made up for."""
    s = schedule()
    s.started(102.0)
    s.ended(142.0, Outcome(ok=True, seconds=40))
    assert s.due >= 142.0


def test_e16_an_interval_above_the_bound_is_kept() -> None:
    """Who asked for ten minutes gets ten minutes, on a slow gateway too."""
    s = schedule(interval=600.0)
    push(s, Outcome(ok=True, seconds=400))
    assert s.interval == 600
    push(s, OK)
    assert s.interval == 600


def test_e16_a_gateway_that_is_away_does_not_change_the_interval() -> None:
    """A closed port says nothing about how slow a working gateway is: the interval stays."""
    s = schedule()
    for _ in range(5):
        push(s, DOWN)
    assert s.interval == 5


@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.5), (1.0, 1.0)])
def test_e16_a_push_without_an_answer_doubles_the_interval(jitter: float, share: float) -> None:
    """A push that is given up doubles the interval too, and the retry waits for it."""
    s = schedule(jitter=jitter)
    for interval in (10.0, 20, 40, 80, 160, 300, 300):
        started = push(s, Outcome(ok=False, seconds=10.01))
        assert s.interval == interval
        assert s.due == pytest.approx(started + 10.01 + share * interval)
    push(s, OK)
    assert s.interval == 150


def test_e16_half_of_the_time_out_is_slow_at_any_interval() -> None:
    """An interval that has grown long goes on growing before answers come too late."""
    s = schedule(interval=60.0)
    push(s, Outcome(ok=True, seconds=4.9))
    assert s.interval == 60
    push(s, Outcome(ok=True, seconds=5.1))
    assert s.interval == 120


def test_the_time_out_is_that_of_the_sinks() -> None:
    """What is slow depends on when they give up."""
    assert inspect.signature(sink_for).parameters["timeout_s"].default == _PUSH_TIMEOUT


def test_e16_a_refused_push_is_not_a_slow_one() -> None:
    """Finding a family that is refused takes many requests, and says nothing about slowness."""
    s = schedule()
    push(s, Outcome(ok=False, refused=True, seconds=20))
    assert s.interval == 5


@pytest.mark.parametrize(("jitter", "after"), [(0.0, 5.0), (1.0, 10.0)])
def test_e16_runs_on_a_slow_gateway_fall_out_of_step(jitter: float, after: float) -> None:
    """Runs that a slow gateway held up together come back at times of their own."""
    s = schedule(jitter=jitter)
    started = push(s, Outcome(ok=True, seconds=3))
    assert s.due == pytest.approx(started + after)
