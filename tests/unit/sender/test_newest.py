"""Newest values, the run's step and what is learnt from how it moves."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.sender.newest import NewestValues, StepClock

NAN, INF = float("nan"), float("inf")
NAMES = {1: "a", 2: "b", 3: "c"}


def test_the_newest_point_of_each_metric_is_kept() -> None:
    """With a step or without; positions are those of the newest points."""
    newest = NewestValues()
    last = newest.take([1, -2, 1, 2, -1], [1, 2, 3, 4, 5], [0, 7, 0, 0, 9], NAMES, 10.0)
    assert newest.values == {"a": 5, "b": 4}
    assert last == {1: 4, 2: 3}
    assert newest.clock.step == 9


def test_an_empty_block_changes_nothing() -> None:
    """A stretch that holds nothing but marks."""
    newest = NewestValues()
    assert newest.take([], [], [], NAMES, 10.0) == {}
    assert (newest.values, newest.clock.step) == ({}, None)


def test_a_tag_without_a_name_is_not_shown() -> None:
    """It has none yet: the name comes first, so this is a bug, and costs nobody else anything."""
    newest = NewestValues()
    newest.take([9, 1, -9], [1, NAN, NAN], [0, 0, 1], NAMES, 10.0)
    assert list(newest.values) == ["a"]
    assert newest.nonfinite == {"a": 1}


@given(st.lists(st.tuples(st.sampled_from([1, -1, 2, -2, 3]), st.floats(), st.integers(-5, 5))))
def test_newest_and_nonfinite_are_those_of_a_plain_loop(points: list[Any]) -> None:
    """However the block is worked on, the result is that of looking at point after point."""
    newest, expected, bad = NewestValues(), {}, dict.fromkeys("abc", 0)
    tags, values, steps = [list(c) for c in zip(*points, strict=True)] or [[], [], []]
    newest.take(tags, values, steps, NAMES, 10.0)
    for tag, value, _ in points:
        expected[NAMES[abs(tag)]] = value
        bad[NAMES[abs(tag)]] += not math.isfinite(value)
    assert repr(sorted(newest.values.items())) == repr(sorted(expected.items()))
    assert newest.nonfinite == {name: n for name, n in bad.items() if n}
    assert (newest.clock.step is None) == all(tag > 0 for tag in tags)


def test_infinities_that_cancel_out_are_counted() -> None:
    """Their sum is NaN, and two huge numbers whose sum is infinite are finite each."""
    newest = NewestValues()
    newest.take([1, 1], [INF, -INF], [0, 0], NAMES, 10.0)
    assert newest.nonfinite == {"a": 2}
    newest.take([2, 2], [1.7e308, 1.7e308], [0, 0], NAMES, 10.0)
    assert newest.nonfinite == {"a": 2}


def test_a_value_set_again_is_counted_once() -> None:
    """From the board the same NaN may be seen many times."""
    newest = NewestValues()
    for value in (NAN, NAN, INF, INF, -INF, 1.0, NAN):
        newest.set("a", value, None, 10.0)
    assert newest.nonfinite == {"a": 4}
    assert newest.clock.step is None
    newest.set("a", 2.0, 5, 10.0)
    assert newest.values == {"a": 2.0}
    assert newest.clock.step == 5


def test_f20_the_runs_step_never_falls() -> None:
    """A loop that starts again from zero, or a metric that lags behind, takes nothing back."""
    clock = StepClock()
    for step, now in ((5, 1.0), (9, 2.0), (3, 3.0), (4, 4.0)):
        clock.saw(step, now)
    assert clock.step == 9


def test_movement_is_seen_whichever_way_it_goes() -> None:
    """The same step again is no movement; a resumed loop's is."""
    clock = StepClock()
    clock.saw(5, 1.0)
    clock.saw(5, 2.0)
    assert clock.moved_at == 1.0
    clock.saw(2, 3.0)
    assert clock.moved_at == 3.0


def test_how_long_a_step_takes_is_learnt() -> None:
    """From the first movement on; a new pace is approached, one slow step does not upset it."""
    clock = StepClock()
    clock.saw(0, 0.0)
    assert clock.interval is None
    clock.saw(10, 5.0)
    assert clock.interval == pytest.approx(0.5)
    clock.saw(11, 6.5)
    assert clock.interval == pytest.approx(0.7)
    for n in range(50):
        clock.saw(12 + n, 8.5 + 2 * n)
    assert clock.interval == pytest.approx(2.0, rel=0.01)


def test_the_time_between_two_attempts_is_no_steps() -> None:
    """A run that is continued months later learns its pace anew, from its own steps."""
    clock = StepClock()
    clock.saw(4, 1.0)
    clock.saw(5, 3.0)
    clock.begin()
    assert (clock.step, clock.moved_at, clock.interval) == (5, None, None)
    clock.saw(6, 9e6)
    assert (clock.moved_at, clock.interval) == (9e6, None)
    clock.saw(8, 9e6 + 1.0)
    assert clock.interval == 0.5


def test_a_step_back_or_a_clock_that_stands_teaches_nothing() -> None:
    """No interval below zero, and none of zero from two blocks of one moment."""
    clock = StepClock()
    clock.saw(5, 1.0)
    clock.saw(2, 2.0)
    assert clock.interval is None
    clock.saw(6, 1.0)
    assert clock.interval is None
    clock.saw(3, 2.5)
    clock.saw(8, 3.0)
    assert clock.interval == pytest.approx(1.0)
