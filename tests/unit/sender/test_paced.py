"""How the loop goes on: what a Pace says, the gauges show, and a later attempt goes on from."""

from __future__ import annotations

import math
from typing import Any

import pytest

from reporter.board.layout import create
from reporter.names import METRIC_PREFIX, PHASES, State
from reporter.record import events
from reporter.record.events import Event
from reporter.reporter.pace import Pace
from reporter.sender.gauges import Gauges

NOW = 5000.0


class Loop:
    """A Pace, the memory it writes into, and the gauges that the sender makes of it."""

    def __init__(self) -> None:
        self.memory = create(keep_points=False)
        self.pace = Pace(self.memory.floats)
        self.gauges = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=10, lease=1.0)

    def shown(self, now: float = NOW) -> dict[str, Any]:
        """Families of one sample by name, those of phases by name and phase."""
        self.gauges.paced.read(self.memory.floats, now)
        found = {}
        for family in self.gauges.families(now):
            for labels, value in family.samples:
                phase = dict(labels).get("phase")
                found[(family.name, phase) if phase else family.name] = value
        return found


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_a_loop_that_says_nothing_shows_nothing(loop: Loop) -> None:
    """A run without an integration has no family of steps, and no progress."""
    shown = {name for name in loop.shown() if "step" in str(name) or "progress" in str(name)}
    assert shown == set()


def test_steps_samples_and_seconds_add_up(loop: Loop) -> None:
    """Each phase has a series of its own; one that is unknown is counted as other."""
    for _ in range(3):
        loop.pace.step(samples=16)
    loop.pace.step(steps=5)
    for phase in (*PHASES, "unheard of"):
        loop.pace.spent(phase, 0.5)
    shown = loop.shown()
    assert (shown["reporter_steps_total"], shown["reporter_samples_total"]) == (8, 48)
    spent = {phase: shown["reporter_step_seconds_total", phase] for phase in PHASES}
    assert spent == {**dict.fromkeys(PHASES, 0.5), "other": 1.0}


def test_progress_follows_the_steps_that_are_expected(loop: Loop) -> None:
    """Below 1 until the run has succeeded, also when there are more steps than expected."""
    loop.pace.expect(10)
    loop.pace.step(steps=4)
    shown = loop.shown()
    assert shown["reporter_run_progress_ratio"] == 0.4
    assert (shown["reporter_run_step"], shown["reporter_run_steps"]) == (4, 10)
    loop.pace.step(steps=7)
    assert 0.99 < loop.shown()["reporter_run_progress_ratio"] < 1
    loop.gauges.apply(Event(NOW, events.END, {"state": int(State.SUCCEEDED)}))
    assert loop.shown()["reporter_run_progress_ratio"] == 1


def test_a_second_stretch_of_steps_comes_on_top(loop: Loop) -> None:
    """Training twice in one run counts on, and expects as many more."""
    loop.pace.expect(10)
    loop.pace.step(steps=10)
    loop.pace.expect(30)
    assert loop.shown()["reporter_run_steps"] == 40
    assert loop.shown()["reporter_run_progress_ratio"] == 0.25


def test_steps_that_are_given_are_the_runs_own(loop: Loop) -> None:
    """The count of an integration is shown only where no report names a step."""
    loop.pace.step(steps=4)
    assert loop.shown()["reporter_run_step"] == 4
    loop.gauges.newest.set("loss", 0.5, 4000, NOW)
    assert loop.shown()["reporter_run_step"] == 4000
    assert loop.shown()["reporter_steps_total"] == 4


def test_the_pace_of_counted_steps_is_learnt(loop: Loop) -> None:
    """So that a loop without `step=` can be seen to have stalled."""
    for n in range(5):
        loop.pace.step()
        shown = loop.shown(NOW + 2 * n)
    assert shown["reporter_run_step_interval_seconds"] == 2
    assert shown["reporter_run_last_step_time_seconds"] == NOW + 8


def test_a_checkpoint_has_its_time(loop: Loop) -> None:
    """When the newest one was written, and what all of them took."""
    loop.pace.checkpoint(seconds=1.5)
    shown = loop.shown()
    assert shown["reporter_checkpoint_time_seconds"] > 1_700_000_000
    assert shown["reporter_step_seconds_total", "checkpoint"] == 1.5


def test_a_later_attempt_goes_on_counting(loop: Loop) -> None:
    """What the record tells of the attempt before is the base of the next one's."""
    loop.pace.expect(10)
    loop.pace.step(samples=8, steps=4)
    loop.pace.spent("compute", 2.0)
    loop.shown()
    later = Loop()
    later.gauges.apply(Event(NOW, events.PACE, loop.gauges.paced.told()))
    later.gauges.apply(Event(NOW, events.START, {"attempt": 2}))
    assert later.shown()["reporter_steps_total"] == 4
    later.pace.expect(6)
    later.pace.step(samples=8, steps=3)
    later.pace.spent("compute", 1.0)
    shown = later.shown()
    assert (shown["reporter_steps_total"], shown["reporter_samples_total"]) == (7, 16)
    assert shown["reporter_step_seconds_total", "compute"] == 3
    assert (shown["reporter_run_step"], shown["reporter_run_steps"]) == (7, 10)
    assert shown["reporter_run_progress_ratio"] == 0.5


def test_a_successor_counts_nothing_twice(loop: Loop) -> None:
    """It reads in the record what the sender before it had told, and the same memory."""
    earlier = {"steps": 100, "samples": 800, "compute": 50.0, "done": 100, "expected": 100}
    before = [Event(NOW, events.PACE, earlier), Event(NOW, events.START, {"attempt": 2})]
    loop.gauges.retell(before, {}, NOW)
    loop.pace.expect(10)
    loop.pace.step(samples=8, steps=4)
    loop.pace.spent("compute", 2.0)
    shown = loop.shown()
    assert shown["reporter_steps_total"] == 104
    end = Event(NOW, events.END, {"state": int(State.FAILED)})
    successor = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=10, lease=1.0)
    told = Event(NOW, events.PACE, loop.gauges.paced.told())
    successor.retell([*before, told, end], {}, NOW)
    loop.gauges.apply(end)
    ended, loop.gauges = loop.shown(), successor
    assert {**ended, "reporter_run_attempt": 2} == loop.shown()


def test_the_time_between_two_attempts_is_no_steps(loop: Loop) -> None:
    """Of a continued run the step is the one before; when it moves, its own steps tell anew."""
    loop.gauges.apply(Event(100.0, events.START, {}))
    for steps in (2.0, 4.0):  # told as it went on
        loop.gauges.apply(Event(200.0 + steps, events.PACE, {"steps": steps, "done": steps}))
    loop.gauges.apply(Event(9e6, events.START, {"attempt": 2}))
    shown = loop.shown(9e6)
    assert shown["reporter_run_step"] == 4
    for name in ("reporter_run_last_step_time_seconds", "reporter_run_step_interval_seconds"):
        assert name not in shown
    for n in range(3):
        loop.pace.step()
        shown = loop.shown(9e6 + 2 * n)
        assert shown["reporter_run_last_step_time_seconds"] == 9e6 + 2 * n
        assert shown.get("reporter_run_step_interval_seconds") == (2 if n else None)


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan"), 1e308])
def test_what_is_no_number_to_count_with_changes_nothing(bad: float, loop: Loop) -> None:
    """An infinite count must not stop the sender; the rest is shown as before."""
    loop.gauges.apply(Event(NOW, events.PACE, {"steps": 1e308, "samples": 3.0}))
    loop.gauges.apply(Event(NOW, events.START, {"attempt": 2}))
    loop.pace.step(steps=bad, samples=bad)  # type: ignore[arg-type]
    loop.pace.spent("data", bad if bad != 1e308 else 1.0)
    loop.pace.spent("compute", 2.0)
    loop.pace.expect(bad)
    shown = loop.shown()
    assert shown["reporter_steps_total"] == 1e308
    assert shown["reporter_step_seconds_total", "compute"] == 2
    assert all(math.isfinite(value) for value in shown.values())


@pytest.mark.parametrize(
    "bad", ["NaN", "+Inf", "text", [1], None, 10**400], ids=lambda bad: str(bad)[:5]
)
def test_a_record_of_no_numbers_stops_nobody(bad: Any, loop: Loop) -> None:
    """What a record tells may be anything."""
    names = ("steps", "samples", "compute", "done", "expected", "checkpoint_at")
    loop.gauges.apply(Event(NOW, events.PACE, {**dict.fromkeys(names, bad), "data": 2.0}))
    loop.gauges.apply(Event(NOW, events.START, {"attempt": 2}))
    assert loop.shown()["reporter_step_seconds_total", "data"] == 2
    assert "reporter_steps_total" not in loop.shown()


def test_the_record_is_told_what_changed_once_a_minute(loop: Loop) -> None:
    """Nothing where nothing was paced; and what is new at the end in any case."""
    paced = loop.gauges.paced
    assert paced.news(0.0, last=True) is None
    loop.pace.step()
    loop.shown()
    assert (paced.news(1.0) or {})["steps"] == 1
    assert paced.news(100.0, last=True) is None
    loop.pace.step()
    loop.shown()
    assert paced.news(60.9) is None
    assert (paced.news(61.0) or {})["steps"] == 2
    loop.pace.step()
    loop.shown()
    assert paced.news(62.0) is None
    assert (paced.news(62.0, last=True) or {})["steps"] == 3


def test_a_continued_run_that_paces_nothing_tells_nothing_new(loop: Loop) -> None:
    """The record has it all already, whether it began or was taken over."""
    for kind, fields in ((events.PACE, {"steps": 4.0, "done": 4.0}), (events.START, {})):
        loop.gauges.apply(Event(NOW, kind, fields))
        if kind == events.START:
            loop.shown()
        assert loop.gauges.paced.news(0.0, last=True) is None


def test_steps_that_are_given_may_count_from_before_this_run(loop: Loop) -> None:
    """A new run that goes on at step 100 of 150 is to have 150, and not the 50 that it counts."""
    loop.pace.expect(50)
    loop.gauges.newest.set("loss", 0.5, 100, NOW)
    assert loop.shown()["reporter_run_steps"] == 150
    loop.pace.step(steps=20)
    loop.gauges.newest.set("loss", 0.5, 120, NOW)
    assert loop.shown()["reporter_run_steps"] == 150
    loop.pace.step(steps=30)
    loop.gauges.newest.set("loss", 0.5, 150, NOW)
    assert loop.shown()["reporter_run_steps"] == 150
    assert loop.shown()["reporter_run_progress_ratio"] > 0.99


def test_steps_that_are_given_more_coarsely_change_no_total(loop: Loop) -> None:
    """An epoch's number, say: the steps that are counted are the more."""
    loop.pace.expect(50)
    loop.pace.step(steps=20)
    loop.gauges.newest.set("loss", 0.5, 2, NOW)
    assert loop.shown()["reporter_run_steps"] == 50


def test_a_delivery_from_the_record_shows_the_same(loop: Loop) -> None:
    """What was known at the end is all that is known afterwards."""
    loop.pace.expect(10)
    loop.pace.step(steps=4)
    shown = loop.shown()
    told = Loop()
    told.gauges.apply(Event(NOW, events.PACE, loop.gauges.paced.told()))
    families = {family.name: family.samples[0][1] for family in told.gauges.families(NOW)}
    for name in ("reporter_run_progress_ratio", "reporter_run_steps", "reporter_steps_total"):
        assert families[name] == shown[name]


def test_the_framework_is_a_fact_of_the_run(loop: Loop) -> None:
    """Once each, in the order in which they came."""
    for name, version in (("keras", "3.15.1 (jax)"), ("optuna", ""), ("keras", "3.15.1 (jax)")):
        loop.gauges.apply(Event(NOW, events.FRAMEWORK, {"name": name, "version": version}))
    assert loop.gauges.facts["framework"] == "keras 3.15.1 (jax), optuna"


def test_a_copy_in_a_forked_child_tells_nobody(loop: Loop) -> None:
    """And does not fail either."""
    loop.pace.step()
    loop.pace.detach()
    loop.pace.step(samples=3)
    loop.pace.spent("data", 1)
    assert loop.shown()["reporter_steps_total"] == 1
