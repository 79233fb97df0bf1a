"""XGBoost trains tiny models, and a real gateway shows what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("xgboost", "sklearn")
    return Trained("xgboost_training.py", tmp_path_factory.mktemp("xgboost"), pushgateway.url)


def test_every_round_of_every_set_is_reported_under_xgboosts_names(trained: Trained) -> None:
    """`train-logloss`, `test-auc`: each round's value, by the round as step; the newest shows."""
    found = trained.told["train"]
    for data, metric in (("train", "logloss"), ("train", "auc"), ("test", "logloss")):
        name = f"{data}-{metric}"
        assert trained.values("train", name) == pytest.approx(found[data][metric])
        assert trained.steps("train", name) == [0, 1, 2, 3, 4]
        assert trained.group("train").metric(name) == pytest.approx(found[data][metric][-1])


def test_settings_steps_and_framework_are_reported(trained: Trained) -> None:
    """Settings as numbers without 32-bit noise, steps with their time, progress that reaches 1."""
    group = trained.group("train")
    assert group.parameters("learning_rate") == ["0.2"]
    assert group.parameters("objective") == ["binary:logistic"]
    assert group.parameters("max_depth") == ["3"]
    assert group.value("reporter_steps_total") == 5
    assert group.value("reporter_run_steps") == 5
    assert group.value("reporter_run_progress_ratio") == 1
    assert (group.value("reporter_step_seconds_total", phase="compute") or 0) > 0
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("xgboost 3.")


def test_training_and_the_callers_arguments_stay_as_they_are(trained: Trained) -> None:
    """The model is the one that it would be without us; params and callbacks are not changed."""
    assert trained.told["unchanged"]
    assert trained.told["same"]


def test_the_round_that_stops_early_is_reported_too(trained: Trained) -> None:
    """A callback before ours ends the last round without asking us: its values are not lost."""
    found = trained.told["early"]["test"]["logloss"]
    assert trained.values("early", "test-logloss") == pytest.approx(found)
    iteration, score = trained.told["best"]
    assert trained.group("early").metric("best_iteration") == iteration
    assert trained.group("early").metric("best_score") == pytest.approx(score)
    assert trained.group("early").value("reporter_steps_total") == len(found)


def test_cross_validation_reports_mean_and_deviation(trained: Trained) -> None:
    """The names and values are those of `xgboost.cv`'s results."""
    names = {"train-logloss-mean", "train-logloss-std", "test-auc-mean", "test-auc-std"}
    assert names < set(trained.told["cv"])
    for name, values in trained.told["cv"].items():
        assert trained.values("cv", name) == pytest.approx(values)
        assert trained.group("cv").metric(name) == pytest.approx(values[-1])


def test_an_estimator_may_be_fitted_twice_cloned_and_pickled(trained: Trained) -> None:
    """Two fits are reported; the one of a pickled copy is not."""
    found = trained.told["estimator"]
    assert trained.values("estimator", "validation_0-logloss") == pytest.approx(found * 2)
    assert trained.group("estimator").value("reporter_steps_total") == 6


def test_what_is_not_finite_is_reported_and_counted(trained: Trained) -> None:
    """A metric that is NaN is a value like others."""
    count = trained.group("nan").value("reporter_nonfinite_total", metric_name="train-odd")
    assert count == 5


def test_a_users_callback_that_raises_stops_training_as_without_us(trained: Trained) -> None:
    """The user's error gets out; what was done before is reported, and so is the next training."""
    assert trained.told["failing"] == "a user's own callback"
    assert trained.steps("failing", "train-auc") == [0, 1, 2, 0]


def test_trainings_nest(trained: Trained) -> None:
    """A training within a training's callback: each reports all of its rounds."""
    assert trained.steps("nested", "train-auc") == [0, 0, 1, 1, 0, 1, 2, 0, 1]
    assert trained.group("nested").value("reporter_steps_total") == 9


def test_nothing_of_ours_reaches_training(trained: Trained) -> None:
    """A Reporter that raises costs its metrics and nothing else, and it is said."""
    assert trained.told["hostile"] == trained.told["train"]
    assert trained.values("hostile", "train-auc") == []
    assert "train-auc is not reported: a subclass that fails" in trained.err


def test_without_xgboost_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where XGBoost is absent or too old, importing says what to install."""
    assert "run-reporter[xgboost]" in refusal(tmp_path, "xgboost", "xgboost")
    said = refusal(tmp_path, "xgboost", "xgboost", "1.6.2")
    assert "1.7 or newer, and 1.6.2 is installed" in said
