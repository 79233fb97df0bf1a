"""What a run shows on the gateway: each family of the contract, and nothing that is not in it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from reporter.names import (
    DROP_REASONS,
    END_REASONS,
    FAMILIES,
    METRIC_PREFIX,
    PARAMETER_PREFIX_OF_OLD,
    VALUE_LIMIT,
    State,
)
from reporter.record import events
from reporter.record.events import Event
from reporter.sender.gauges import Account, Gauges, cut
from reporter.sinks.base import Family

FACTS = dict.fromkeys(FAMILIES["reporter_run_info"][0], "x")
NOW = 5000.0

Shown = dict[str, list[tuple[dict[str, str], float]]]


def gauges(limit: int = 1000, prefix: str = METRIC_PREFIX) -> Gauges:
    return Gauges(FACTS, parameter_prefix=prefix, series_limit=limit, lease=3600.0)


def shown(made: Gauges) -> Shown:
    """Every family by its name; each is there once, and has samples."""
    families = made.families(NOW)
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    assert all(family.samples and family.help for family in families)
    return {f.name: [(dict(labels), value) for labels, value in f.samples] for f in families}


def value(made: Gauges, name: str) -> float | None:
    """The value of a family of one sample without labels; None where it is absent."""
    samples = shown(made).get(name)
    if samples is None:
        return None
    assert [labels for labels, _ in samples] == [{}]
    return samples[0][1]


def tell(made: Gauges, kind: str, time: float = 1000.0, **fields: Any) -> None:
    made.apply(Event(time, kind, fields))


def busy() -> Gauges:
    """A run of which everything that can be shown is shown."""
    made = gauges()
    tell(made, events.START, 1000.0, attempt=2)
    tell(made, events.PARAMETER, name="lr", value=0.1)
    tell(made, events.TAG, name="team", value="vision")
    tell(made, events.STAGE, name="train")
    tell(made, events.MILESTONE, 1500.0, name="data ready")
    made.newest.take([-1, -1], [float("nan"), 2.0], [1, 2], {1: "loss"}, 1600.0)
    made.newest.take([-1], [1.0], [4], {1: "loss"}, 1602.0)
    made.progress = (1, 4)
    made.account = Account(10, dict.fromkeys(DROP_REASONS, 1), 0.2, 3, 1, 5.0)
    tell(made, events.END, 2000.0, state=3, reason="exception", detail="ValueError")
    return made


def test_everything_emitted_is_in_the_contract_with_these_labels() -> None:
    """A rename or a new label cannot slip through: names.py holds each one."""
    own = {n: s for n, s in shown(busy()).items() if not n.startswith(METRIC_PREFIX)}
    assert len(own) >= 21
    for name, samples in own.items():
        for labels, _ in samples:
            assert tuple(labels) == FAMILIES[name][0], name


def test_every_family_says_what_it_is() -> None:
    """The help is the contract's; a user's metric has one too."""
    for family in busy().families(NOW):
        expected = FAMILIES.get(family.name, ((), "Reported by the run"))[1]
        assert isinstance(family, Family)
        assert family.help == expected


def test_a_new_run_shows_little_and_nothing_false() -> None:
    """What is not known is absent: no step 0, no progress 0, no empty info."""
    made = gauges()
    tell(made, events.START, 1000.0)
    assert set(shown(made)) == {
        "reporter_run_info",
        "reporter_run_state",
        "reporter_run_attempt",
        "reporter_run_start_time_seconds",
        "reporter_run_lease_expires_time_seconds",
        "reporter_push_interval_seconds",
        "reporter_reports_total",
        "reporter_push_failures_total",
        "reporter_rejected_families",
    }


def test_f9_f18_a_metric_keeps_the_users_name_in_a_label() -> None:
    """Names that meet in one family, metrics and parameters, are told apart by their labels."""
    made = gauges()
    for name in ("val/loss", "val_loss"):
        made.newest.set(name, 1.5, None, 1.0)
    tell(made, events.PARAMETER, name="val loss", value="auto")
    samples = shown(made)["reporter_push_gateway_metric_val_loss"]
    assert samples == [
        ({"metric_name": "val/loss", "push_gateway_type": "metric"}, 1.5),
        ({"metric_name": "val_loss", "push_gateway_type": "metric"}, 1.5),
        (
            {"param_name": "val loss", "param_value": "auto", "push_gateway_type": "parameter"},
            1,
        ),
    ]


def test_f1_nonfinite_values_are_shown_and_counted() -> None:
    """NaN and infinities are values: recorded, shown on the gateway, and counted by metric."""
    made = gauges()
    names = {1: "loss", 2: "acc"}
    made.newest.take([1, 1, 2], [float("nan"), float("inf"), 0.5], [0, 0, 0], names, 1.0)
    found = shown(made)
    assert found["reporter_nonfinite_total"] == [({"metric_name": "loss"}, 2)]
    assert found["reporter_push_gateway_metric_loss"][0][1] == math.inf
    assert found["reporter_push_gateway_metric_acc"][0][1] == 0.5


@pytest.mark.parametrize("prefix", [METRIC_PREFIX, PARAMETER_PREFIX_OF_OLD])
def test_f17_a_parameter_is_one_series_however_often_it_changes(prefix: str) -> None:
    """The latest value holds, in one series."""
    made = gauges(prefix=prefix)
    for text in ("sgd", 3, 0.1, True, "adam"):
        tell(made, events.PARAMETER, name="optimizer", value=text)
    assert shown(made)[prefix + "_optimizer"] == [
        (
            {"param_name": "optimizer", "param_value": "adam", "push_gateway_type": "parameter"},
            1,
        )
    ]


@pytest.mark.parametrize("unit", ["x", "ü", "\U0001f600", "\udcff"])
def test_f11_a_long_value_is_cut_at_one_kibibyte(unit: str) -> None:
    """A long text is cut at 1 KiB, never inside a character, and counted."""
    assert cut(unit * 100) == unit * 100
    made = gauges()
    tell(made, events.PARAMETER, name="p", value=unit * 2000)
    tell(made, events.TAG, name="t", value=unit * 2000)
    tell(made, events.TAG, name="short", value=unit * 100)
    assert made.values_cut == 2
    tell(made, events.STAGE, name=unit * 2000)
    tell(made, events.END, state=3, reason="asked", detail=unit * 2000)
    for samples in shown(made).values():
        for labels, _ in samples:
            for text in labels.values():
                size = len(text.encode("utf-8", "replace"))
                assert size <= VALUE_LIMIT
                assert "\ufffd" not in text


@pytest.mark.parametrize("kind", [events.PARAMETER, events.TAG, events.MILESTONE])
def test_f9_a_long_name_is_cut_and_stays_unlike_its_neighbours(kind: str) -> None:
    """A long name is cut at 256 characters and counted; two that differ at their end stay two."""
    made = gauges()
    for end in "ab":
        tell(made, kind, name="n" * 5000 + end, value="v")
    users = {n: s for n, s in shown(made).items() if n not in shown(gauges())}
    labels = [labels for samples in users.values() for labels, _ in samples]
    assert len({str(each) for each in labels}) == 2
    for name in users:
        assert len(name) <= len(METRIC_PREFIX) + 1 + 256
    for each in labels:
        assert all(len(text) <= 256 for text in each.values())


class TestState:
    """Running, one of the ends, and running again when it is continued."""

    def test_a_run_is_running_from_its_start(self) -> None:
        """With its start time, and no end."""
        made = gauges()
        tell(made, events.START, 1000.0, attempt=1)
        assert value(made, "reporter_run_state") == State.RUNNING
        assert value(made, "reporter_run_start_time_seconds") == 1000
        assert value(made, "reporter_run_end_time_seconds") is None
        assert "reporter_run_end_info" not in shown(made)
        assert not made.ended

    @pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED])
    @pytest.mark.parametrize("reason", END_REASONS)
    def test_an_end_is_told_with_its_reason(self, state: State, reason: str) -> None:
        """State, time, reason and detail."""
        made = gauges()
        tell(made, events.START, 1000.0)
        tell(made, events.END, 2000.5, state=int(state), reason=reason, detail="d")
        assert value(made, "reporter_run_state") == state
        assert value(made, "reporter_run_end_time_seconds") == 2000.5
        assert shown(made)["reporter_run_end_info"] == [({"reason": reason, "detail": "d"}, 1)]
        assert made.ended

    def test_an_end_without_a_word_is_a_death(self) -> None:
        """Success is never a default."""
        made = gauges()
        tell(made, events.END)
        assert value(made, "reporter_run_state") == State.FAILED
        assert shown(made)["reporter_run_end_info"][0][0]["reason"] == "died"

    def test_a_continued_run_runs_again(self) -> None:
        """It keeps its first start, its values and parameters, and counts the attempt."""
        made = busy()
        tell(made, events.START, 3000.0, attempt=3)
        assert value(made, "reporter_run_state") == State.RUNNING
        assert value(made, "reporter_run_attempt") == 3
        assert value(made, "reporter_run_start_time_seconds") == 1000
        assert value(made, "reporter_run_end_time_seconds") is None
        assert value(made, "reporter_run_step") == 4
        found = shown(made)
        assert "reporter_run_end_info" not in found
        assert "reporter_run_stage_info" not in found
        assert METRIC_PREFIX + "_lr" in found
        assert not made.ended


class TestStep:
    """The newest step that was named, and the pace of it."""

    def test_f20_the_step_never_falls_and_its_time_is_told(self) -> None:
        """The run's step is the largest one seen; when it last moved, either way, is told."""
        made = gauges()
        made.newest.take([-1], [1.0], [8], {1: "loss"}, 100.0)
        made.newest.take([-1], [1.0], [10], {1: "loss"}, 104.0)
        made.newest.take([-1], [1.0], [2], {1: "loss"}, 110.0)
        assert value(made, "reporter_run_step") == 10
        assert value(made, "reporter_run_last_step_time_seconds") == 110
        assert value(made, "reporter_run_step_interval_seconds") == 2

    def test_a_continued_run_learns_its_pace_anew(self) -> None:
        """Whatever its record tells, the time until its first step is not that of a step."""
        made = gauges()
        tell(made, events.START, 100.0)
        made.retell([Event(100.0, events.START, {})], {"loss": (1.0, 10)}, 9e6)
        tell(made, events.START, 9e6, attempt=2)
        made.newest.take([-1], [1.0], [11], {1: "loss"}, 9e6 + 600)
        assert value(made, "reporter_run_step_interval_seconds") is None
        made.newest.take([-1], [1.0], [12], {1: "loss"}, 9e6 + 602)
        assert value(made, "reporter_run_step_interval_seconds") == 2

    def test_without_a_step_there_is_none(self) -> None:
        """No family at all: nobody takes a zero for the truth."""
        made = gauges()
        made.newest.take([1], [1.0], [0], {1: "loss"}, 100.0)
        assert not [name for name in shown(made) if "_step" in name]


class TestProgress:
    """How far the run is: what was said, else epochs, else nothing."""

    RATIO = "reporter_run_progress_ratio"

    def epochs(self, epoch: float, overall: float) -> Gauges:
        made = gauges()
        made.newest.set("epoch", epoch, None, 1.0)
        made.newest.set("overall_epochs", overall, None, 1.0)
        return made

    def test_it_is_absent_while_nothing_is_known(self) -> None:
        """Also where only one half is known, or the total is none."""
        assert value(gauges(), self.RATIO) is None
        made = gauges()
        made.newest.set("epoch", 3, None, 1.0)
        assert value(made, self.RATIO) is None
        assert value(self.epochs(3, 0), self.RATIO) is None
        assert value(self.epochs(3, -1), self.RATIO) is None

    def test_epochs_tell_it(self) -> None:
        """Two metrics of reserved names."""
        assert value(self.epochs(3, 12), self.RATIO) == 0.25

    def test_what_was_said_beats_epochs(self) -> None:
        """r.progress(done, total)."""
        made = self.epochs(3, 12)
        made.progress = (30, 40)
        assert value(made, self.RATIO) == 0.75

    @pytest.mark.parametrize(
        ("done", "total"),
        [(float("nan"), 10.0), (5.0, float("nan")), (5.0, float("inf")), (float("inf"), 10.0)],
    )
    def test_odd_numbers_make_no_odd_ratio(self, done: float, total: float) -> None:
        """It is between 0 and 1, or it is absent."""
        made = self.epochs(done, total)
        ratio = value(made, self.RATIO)
        assert ratio is None or 0 <= ratio < 1

    @pytest.mark.parametrize(("done", "ratio"), [(-5, 0.0), (10, 0.9999), (12, 0.9999)])
    def test_it_stays_below_one_until_the_run_succeeded(self, done: float, ratio: float) -> None:
        """A loop that counts wrong neither finishes early nor goes below zero."""
        made = self.epochs(done, 10)
        assert value(made, self.RATIO) == ratio
        tell(made, events.END, state=int(State.FAILED), reason="exception")
        assert value(made, self.RATIO) == ratio
        tell(made, events.END, state=int(State.SUCCEEDED), reason="returned")
        assert value(made, self.RATIO) == 1

    def test_a_success_is_whole_even_where_nothing_was_known(self) -> None:
        """It is finished."""
        made = gauges()
        tell(made, events.END, state=int(State.SUCCEEDED), reason="returned")
        assert value(made, self.RATIO) == 1


def test_the_current_stage_is_shown_alone() -> None:
    """One at a time, and none once it is left."""
    made = gauges()
    for stage in ("warm-up", "train"):
        tell(made, events.STAGE, name=stage)
    assert shown(made)["reporter_run_stage_info"] == [({"stage": "train"}, 1)]
    tell(made, events.STAGE, name=None)
    assert "reporter_run_stage_info" not in shown(made)


def test_milestones_and_tags() -> None:
    """A milestone's moment is its event's; a repeated one is the latest, as is a tag."""
    made = gauges()
    tell(made, events.MILESTONE, 10.0, name="data ready")
    tell(made, events.MILESTONE, 20.0, name="data ready")
    tell(made, events.MILESTONE, 30.0, name="compiled")
    tell(made, events.TAG, name="team", value="a")
    tell(made, events.TAG, name="team", value="b")
    tell(made, events.TAG, name="plain")
    found = shown(made)
    assert found["reporter_run_milestone_time_seconds"] == [
        ({"milestone": "data ready"}, 20),
        ({"milestone": "compiled"}, 30),
    ]
    assert found["reporter_run_tag_info"] == [
        ({"tag": "team", "value": "b"}, 1),
        ({"tag": "plain", "value": ""}, 1),
    ]


def test_e19_the_lease_is_renewed_by_each_push_and_short_on_delete() -> None:
    """Every push renews the group's lease (24 h); with `on_finish=delete` the last one leaves
    5 minutes of it."""
    made = gauges()
    assert value(made, "reporter_run_lease_expires_time_seconds") == NOW + 3600
    made.shorten_lease()
    assert value(made, "reporter_run_lease_expires_time_seconds") == NOW + 300


def test_the_reporter_about_itself() -> None:
    """Counts and times of the account; reports are absent where they are not counted."""
    made = gauges()
    made.account = Account(7, {"ring_full": 2, "bad_value": 0}, 0.25, 3, 1, 10.0)
    found = shown(made)
    assert found["reporter_dropped_total"] == [
        ({"reason": "bad_value"}, 0),
        ({"reason": "ring_full"}, 2),
    ]
    numbers = {
        "reporter_reports_total": 7,
        "reporter_push_seconds": 0.25,
        "reporter_push_failures_total": 3,
        "reporter_rejected_families": 1,
        "reporter_push_interval_seconds": 10,
    }
    assert {name: found[name][0][1] for name in numbers} == numbers
    made.account = Account(reports=None)
    assert value(made, "reporter_reports_total") is None
    assert value(made, "reporter_push_seconds") is None


@pytest.mark.parametrize("limit", [0, 1, 5, 10])
def test_f15_the_series_limit_cuts_users_series_and_no_others(limit: int) -> None:
    """What is over the limit is counted; what the sender adds is never dropped."""
    made = gauges(limit=limit)
    tell(made, events.START)
    own = set(shown(made))
    for n in range(6):
        made.newest.set(f"m{n}", n, None, 1.0)
    tell(made, events.PARAMETER, name="p", value=1)
    tell(made, events.TAG, name="t", value=1)
    tell(made, events.MILESTONE, name="m")
    tell(made, events.STAGE, name="train")
    found = shown(made)
    assert own | {"reporter_run_stage_info"} <= set(found)
    users = sum(len(s) for n, s in found.items() if n not in own | {"reporter_run_stage_info"})
    assert users == min(limit, 9)
    assert made.over_limit == max(0, 9 - limit)
