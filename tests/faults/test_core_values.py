"""What may be reported, what is refused and where, and how Reporters live side by side."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reporter
from reporter.names import State
from reporter.testing import Reported
from tests.runs import counted

pytestmark = pytest.mark.slow  # most of them start processes, or wait for a deadline

REFUSED: list[Any] = ["0.5", b"0.5", None, [1, 2], np.zeros(2), np.array([]), object(), {}, 1j]
REFUSED += [np.datetime64("2020-01-01"), np.str_("1")]
BAD_STEPS: list[Any] = ["1", 1.5, math.nan, 2**63, [1]]
POINTS = pytest.mark.parametrize("points", [True, False], ids=["points", "newest-only"])
Warned = Callable[[], list[str]]


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Warned:
    """What the library has said so far."""
    monkeypatch.setattr("reporter.reporter.notices._said", set())  # once each, per test
    caplog.set_level(logging.WARNING, logger="reporter")
    return lambda: [entry.getMessage() for entry in caplog.records if entry.name == "reporter"]


@POINTS
def test_f5_f6_what_is_no_number_is_refused_at_a_names_first_report(
    points: bool, reported: Reported
) -> None:
    """The first report of a name raises at your line; nothing of it is recorded."""
    with reporter.Reporter(points=points) as r:
        for value in REFUSED:
            for report in (r.report_metric, reporter.report_metric, r.reportMetric):
                with pytest.raises(reporter.ValueRefused, match="'loss'"):
                    report("loss", value)
        r.report_metric("acc", 1)
    assert reported.metrics == {"acc": [1]}


@POINTS
def test_f9_what_is_no_name_is_refused(points: bool, reported: Reported) -> None:
    """Empty, blank or no text is no name, wherever a name is given: it raises at your line."""
    with reporter.Reporter(points=points) as r:
        calls: list[Callable[[Any], object]] = [
            lambda name: r.report_metric(name, 1),
            lambda name: r.report_metrics({name: 1}),
            lambda name: r.report_parameter(name, 1),
            r.metric,
            r.tag,
            r.stage,
            r.milestone,
        ]
        for name, call in itertools.product(("", "  ", None, 7, b"loss"), calls):
            with pytest.raises(reporter.NameRefused):
                call(name)
    assert (reported.metrics, reported.parameters) == ({}, {})


@POINTS
def test_f5_f6_later_bad_values_are_dropped_counted_and_warned_of_once(
    points: bool, reported: Reported, warned: Warned
) -> None:
    """Later bad values are dropped, counted and warned of once.

    Whatever way they take: by name, by handle, with a step, as part of several."""
    with reporter.Reporter(points=points) as r:
        loss = r.metric("loss")
        loss(1)
        for bad in ("0.5", None, np.zeros(2)):
            loss(bad)
            loss(bad, 3)
            r.report_metric("loss", bad)
            r.report_metrics({"loss": bad, "acc": 1}, step=4)
        loss(2)
    record = reported.run
    assert reported.metrics["loss"] == ([1, 2] if points else [2])
    assert record.dropped["bad_value"] == 12
    assert len([text for text in warned() if "'loss'" in text]) == 1
    if points:
        assert counted(record) == (5, 12)


@POINTS
def test_f2_f5_f6_strict_raises_for_every_bad_value(points: bool, reported: Reported) -> None:
    """With `strict` every one of them raises, and is counted as without."""
    with reporter.Reporter(points=points, strict=True) as r:
        r.report_metric("loss", 1)
        loss = r.metric("loss")
        for bad in ("0.5", None, np.zeros(2), 10**400):
            with pytest.raises(reporter.ValueRefused, match="loss"):
                loss(bad)
            with pytest.raises(reporter.ValueRefused, match="loss"):
                r.report_metric("loss", bad)
        r.report_metric("loss", 2)
    assert reported.run.newest["loss"][0] == 2
    assert reported.run.dropped["bad_value"] == 6
    assert reported.run.dropped["overflow"] == 2


@POINTS
def test_f3_f4_f8_numbers_of_every_kind_are_taken(points: bool, reported: Reported) -> None:
    """Scalars, and arrays that hold exactly one number, are numbers, whatever their type."""
    values: list[Any] = [True, 3, 0.5, 2**60, np.float32(0.5), np.int64(7), np.bool_(True)]
    values += [np.array(0.5), np.array([0.5]), np.array([[7]]), np.float16(0.5), np.uint8(3)]
    with reporter.Reporter(points=points) as r:
        for k, value in enumerate(values):
            r.report_metric(f"new-{k}", value)
            r.report_metric("known", value, np.int64(k))
            r.metric("by-handle")(value)
    expected = [float(np.asarray(value).item()) for value in values]
    assert [reported.metrics[f"new-{k}"][-1] for k in range(len(values))] == expected
    kept = slice(None) if points else slice(-1, None)
    assert reported.metrics["known"] == reported.metrics["by-handle"] == expected[kept]
    assert reported.run.newest["known"] == (3, len(values) - 1)
    assert reported.run.dropped["bad_value"] == 0


@POINTS
def test_f1_f2_what_is_not_finite_is_a_value(
    points: bool, reported: Reported, warned: Warned
) -> None:
    """NaN and infinities are recorded; an integer too large for a double is dropped and counted."""
    with reporter.Reporter(points=points) as r:
        for k, value in enumerate((math.nan, math.inf, -math.inf)):
            r.report_metric(f"m{k}", value)
        r.report_metric("large", 10**400)
        r.report_metric("large", 1)
        r.report_metric("large", 10**400)
        r.report_metric("large", -(10**400))
    newest = {name: value for name, (value, _step) in reported.run.newest.items()}
    assert math.isnan(newest.pop("m0"))
    assert newest == {"m1": math.inf, "m2": -math.inf, "large": 1}
    assert (reported.run.dropped["overflow"], reported.run.dropped["bad_value"]) == (3, 0)
    assert len([text for text in warned() if "'large'" in text]) == 1


@POINTS
def test_f20_a_bad_step_is_a_bad_value(points: bool, reported: Reported) -> None:
    """A step that is no whole number makes the report a bad one: refused first, dropped later."""
    with reporter.Reporter(points=points) as r:
        for step in BAD_STEPS:
            with pytest.raises(reporter.ValueRefused, match="step"):
                r.report_metric("loss", 1, step)
        r.report_metric("loss", 2, 1)
        for step in BAD_STEPS:
            r.report_metric("loss", 3, step)
            r.metric("loss")(4, step)
        r.report_metric("loss", 5, 2.0)
    assert reported.metrics == {"loss": [2, 5] if points else [5]}
    assert reported.run.newest["loss"] == (5, 2)
    assert reported.run.dropped["bad_value"] == 2 * len(BAD_STEPS)


def test_c20_reports_after_the_end_are_counted_and_never_raise(
    reported: Reported, warned: Warned
) -> None:
    """Reports after the end are dropped, counted and warned of once; none raises."""
    with reporter.Reporter() as r:
        loss = r.metric("loss")
        loss(1)
    for _ in range(3):
        loss(2)
        r.report_metric("loss", 2)
        r.report_metric("new", 2)
        r.report_metric("loss", "no number")
        r.report_parameter("lr", 1)
    r.finish()
    r.fail("too late")
    assert reported.metrics == {"loss": [1]}
    assert reported.state is State.SUCCEEDED
    assert len([text for text in warned() if "after the run had ended" in text]) == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("gateway", "ftp://somewhere"),
        ("gateway", "host:99999"),
        ("interval", "soon"),
        ("interval", 0),
        ("exit_timeout", -1),
        ("mode", "maybe"),
        ("run", "../escape"),
        ("series_limit", "many"),
        ("gateway_token_file", "/nowhere/token"),
    ],
)
def test_a_wrong_setting_fails_when_the_reporter_is_made(
    setting: str, value: Any, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an argument and from the environment; the message names the setting and its value."""
    with pytest.raises(reporter.SettingRefused) as refused:
        reporter.Reporter(**{setting: value})
    assert setting in str(refused.value)
    assert str(value) in str(refused.value)
    variable = f"REPORTER_{setting.upper()}"
    monkeypatch.setenv(variable, str(value))
    with pytest.raises(reporter.SettingRefused, match=variable):
        reporter.Reporter()
    assert reported.runs == []


def test_c19_reporters_nest(reported: Reported) -> None:
    """Entering a Reporter never ends another; module-level calls go to the innermost."""
    with reporter.Reporter(name="outer") as outer:
        reporter.report_metric("loss", 1)
        with reporter.Reporter(name="inner"):
            reporter.report_metric("loss", 2)
            outer.report_metric("loss", 3)
        reporter.report_metric("loss", 4)
    found = {run.identity["name"]: list(run.points["loss"].values) for run in reported.runs}
    assert found == {"outer": [1, 3, 4], "inner": [2]}
    assert {run.state for run in reported.runs} == {State.SUCCEEDED}


def test_c19_c20_reporters_may_end_in_any_order(reported: Reported) -> None:
    """The outer Reporter may be finished first; the inner one is still the innermost."""
    outer, inner = reporter.Reporter(name="outer"), reporter.Reporter(name="inner")
    with outer, inner:
        outer.finish()
        reporter.report_metric("loss", 1)
    found = {run.identity["name"]: list(run.points) for run in reported.runs}
    assert found == {"outer": [], "inner": ["loss"]}


def test_c20_after_finish_a_module_level_call_opens_a_new_run(reported: Reported) -> None:
    """After `finish()` a module-level call opens a new run, with values and a name of its own."""
    for loss in (1, 2):
        reporter.report_metric("loss", loss)
        reporter.report_parameter("lr", loss)
        reporter.finish()
    reporter.finish()  # with nothing open it does nothing
    first, second = reported.runs
    assert [list(run.points["loss"].values) for run in (first, second)] == [[1], [2]]
    assert [run.parameters for run in (first, second)] == [{"lr": 1}, {"lr": 2}]
    assert first.identity["id"] != second.identity["id"]
