"""The kit that users test their own code with."""

import pytest

import reporter
from reporter.testing import Reported


def test_shows_what_a_run_reported(reported: Reported) -> None:
    """Metrics, steps, parameters, tags, stages, milestones and the end are read back."""
    with reporter.Reporter(parameters={"lr": 0.1}, tags={"team": "vision"}) as r:
        for step, loss in enumerate((0.9, 0.5, 0.4)):
            r.report_metric("loss", loss, step=step)
        with r.stage("check"):
            r.milestone("half")
    assert reported.metrics["loss"] == [0.9, 0.5, 0.4]
    assert reported.steps["loss"] == [0, 1, 2]
    assert reported.parameters == {"lr": 0.1}
    assert reported.tags == {"team": "vision"}
    assert (reported.stages, reported.milestones) == (["check"], ["half"])
    assert reported.state is reporter.State.SUCCEEDED


def test_shows_a_run_that_is_still_open(reported: Reported) -> None:
    """Reading flushes first, so that a test need not end the run to look."""
    reporter.report_metric("loss", 0.5)
    assert reported.metrics == {"loss": [0.5]}
    assert reported.state is reporter.State.RUNNING


def test_the_newest_values_are_there_without_points(
    reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With points off the record still knows the newest value of each metric."""
    monkeypatch.setenv("REPORTER_POINTS", "false")
    with reporter.Reporter() as r:
        for value in (1.0, 2.0, 3.0):
            r.report_metric("loss", value)
    assert reported.metrics == {"loss": [3.0]}


def test_a_failed_run_says_so(reported: Reported) -> None:
    """The state and the reason are those of the exception that left the scope."""
    with pytest.raises(ZeroDivisionError), reporter.Reporter():
        raise ZeroDivisionError
    assert reported.state is reporter.State.FAILED
    assert (reported.run.reason, reported.run.detail) == ("exception", "ZeroDivisionError")


def test_no_run_is_an_assertion_with_a_reason(reported: Reported) -> None:
    """Code that reports nothing fails the user's test in words."""
    with pytest.raises(AssertionError, match="was a Reporter entered"):
        _ = reported.metrics


def test_several_runs_are_told_apart(reported: Reported) -> None:
    """`runs` holds them in the order in which they started."""
    for value in (1.0, 2.0):
        with reporter.Reporter() as r:
            r.report_metric("loss", value)
    assert [list(run.points["loss"].values) for run in reported.runs] == [[1.0], [2.0]]
