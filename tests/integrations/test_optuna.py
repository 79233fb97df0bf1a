"""Optuna runs tiny studies, and a real gateway shows how they went."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("optuna")
    return Trained("optuna_study.py", tmp_path_factory.mktemp("optuna"), pushgateway.url)


def test_every_trial_and_the_best_so_far_are_reported(trained: Trained) -> None:
    """`value` and `best_value` by the trial's number; the best trial's parameters beside them."""
    values = trained.told["values"]
    assert trained.values("study", "value") == pytest.approx(values)
    assert trained.steps("study", "value") == list(range(8))
    best_so_far = list(itertools.accumulate(values, min))
    assert trained.values("study", "best_value") == pytest.approx(best_so_far)
    best, number, x = trained.told["best"]
    group = trained.group("study")
    assert group.metric("best_value") == pytest.approx(best)
    assert group.metric("best_trial") == number
    assert [float(text) for text in group.parameters("best/x")] == pytest.approx([x])


def test_progress_time_and_the_study_are_reported(trained: Trained) -> None:
    """Trials are steps, and with `n_trials` their progress reaches 1."""
    group = trained.group("study")
    assert group.value("reporter_steps_total") == 8
    assert group.value("reporter_run_progress_ratio") == 1
    assert len(trained.values("study", "trial_seconds")) == 8
    assert (group.value("reporter_step_seconds_total", phase="compute") or 0) > 0
    assert group.parameters("study_name") == ["parabola"]
    assert group.parameters("directions") == ["minimize"]
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("optuna ")


def test_pruned_and_failed_trials_are_counted_and_have_no_value(trained: Trained) -> None:
    """A pruned trial's last intermediate value is not its value; NaN fails a trial."""
    assert trained.told["events"] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    group = trained.group("events")
    assert trained.values("events", "value") == pytest.approx(trained.told["complete"])
    assert group.metric("trials_complete") == 3
    assert group.metric("trials_pruned") == 1
    assert group.metric("trials_fail") == 2
    assert group.metric("best_value") == pytest.approx(max(trained.told["complete"]))


def test_a_study_with_several_objectives_reports_each(trained: Trained) -> None:
    """`value_0` and `value_1`; where there are several there is no best."""
    values = [list(column) for column in zip(*trained.told["several"], strict=True)]
    assert trained.values("several", "value_0") == pytest.approx(values[0])
    assert trained.values("several", "value_1") == pytest.approx(values[1])
    assert trained.group("several").metric("best_value") is None


def test_names_that_a_study_gives_its_objectives_are_used(trained: Trained) -> None:
    """An objective with a name is reported under it."""
    assert len(trained.values("named", "error")) == 2
    assert trained.values("named", "value") == []


def test_a_better_trial_without_a_parameter_clears_it(trained: Trained) -> None:
    """What shows as the best is one trial's, never a mixture of two."""
    group = trained.group("conditional")
    assert group.parameters("best/momentum") == [""]
    assert len(group.parameters("best/decay")) == 1


def test_trials_in_threads_are_counted_exactly(trained: Trained) -> None:
    """With `n_jobs` no trial is lost."""
    group = trained.group("threads")
    assert group.value("reporter_steps_total") == group.metric("trials_complete") == 40
    assert sorted(step or 0 for step in trained.steps("threads", "value")) == list(range(40))


def test_a_study_goes_on_with_a_copy_and_not_with_a_pickled_one(trained: Trained) -> None:
    """`optimize` twice is reported twice; the copy for another process is inert."""
    assert trained.steps("twice", "value") == [0, 1, 2, 3, 4, 5]
    assert trained.group("twice").value("reporter_run_steps") == 6


def test_studies_nest(trained: Trained) -> None:
    """A study within a trial of another: each reports all of its trials."""
    assert trained.steps("nested", "value") == [0, 1, 0, 0, 1, 1]
    assert trained.group("nested").value("reporter_steps_total") == 6


def test_a_users_callback_that_raises_ends_the_study_as_without_us(trained: Trained) -> None:
    """The user's error gets out; what was done before is reported."""
    assert trained.told["failing"] == "a user's own callback"
    assert trained.steps("failing", "value") == [0]


def test_nothing_of_ours_reaches_the_study(trained: Trained) -> None:
    """A Reporter that raises costs its metrics and nothing else, and it is said."""
    assert trained.told["hostile"] == 2
    assert trained.values("hostile", "value") == []
    assert "value is not reported: a subclass that fails" in trained.err


def test_without_optuna_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where Optuna is absent or too old, importing says what to install."""
    assert "run-reporter[optuna]" in refusal(tmp_path, "optuna", "optuna")
    assert "3.0 or newer, and 2.10.1 is" in refusal(tmp_path, "optuna", "optuna", "2.10.1")
