"""LightGBM trains tiny models, and a real gateway shows what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("lightgbm", "sklearn")
    return Trained("lightgbm_training.py", tmp_path_factory.mktemp("lightgbm"), pushgateway.url)


def test_every_round_of_every_set_is_reported(trained: Trained) -> None:
    """`train-binary_logloss`, `test-auc`: each round's value, by the round as step."""
    found = trained.told["train"]
    for data, metric in (("train", "binary_logloss"), ("train", "auc"), ("test", "auc")):
        name = f"{data}-{metric}"
        assert trained.values("train", name) == pytest.approx(found[data][metric])
        assert trained.steps("train", name) == [0, 1, 2, 3, 4]
        assert trained.group("train").metric(name) == pytest.approx(found[data][metric][-1])


def test_settings_steps_and_framework_are_reported(trained: Trained) -> None:
    """The caller's settings, steps with their time, and progress that reaches 1."""
    group = trained.group("train")
    assert group.parameters("learning_rate") == ["0.2"]
    assert group.parameters("objective") == ["binary"]
    assert group.parameters("num_leaves") == ["4"]
    assert group.value("reporter_steps_total") == 5
    assert group.value("reporter_run_steps") == 5
    assert group.value("reporter_run_progress_ratio") == 1
    assert (group.value("reporter_step_seconds_total", phase="compute") or 0) > 0
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("lightgbm 4.")


def test_training_and_the_callers_arguments_stay_as_they_are(trained: Trained) -> None:
    """The model is the one that it would be without us, and params are not changed."""
    assert trained.told["unchanged"]
    assert trained.told["same"]


def test_the_round_that_stops_early_is_reported_too(trained: Trained) -> None:
    """Early stopping leaves the last round by an exception: its values are there before."""
    found = trained.told["early"]["test"]["auc"]
    assert trained.told["best_iteration"] < len(found) < 200
    assert trained.values("early", "test-auc") == pytest.approx(found)
    assert trained.group("early").value("reporter_steps_total") == len(found)


def test_cross_validation_reports_mean_and_deviation(trained: Trained) -> None:
    """What `lightgbm.cv` returns is what is reported, with `valid-auc-mean` for a name."""
    assert {"valid auc-mean", "valid auc-stdv"} < set(trained.told["cv"])
    for name, values in trained.told["cv"].items():
        reported_as = name.replace(" ", "-")
        assert trained.values("cv", reported_as) == pytest.approx(values)
        assert trained.group("cv").metric(reported_as) == pytest.approx(values[-1])


def test_an_estimator_may_be_fitted_twice_with_one_callback(trained: Trained) -> None:
    """Two fits are reported; the one with a pickled copy is not, and the callback stays as is."""
    found = trained.told["estimator"]
    assert trained.values("estimator", "valid_0-binary_logloss") == pytest.approx(found * 2)
    assert trained.group("estimator").value("reporter_steps_total") == 6
    assert trained.told["own"] == [25, False]


def test_the_learning_rate_is_a_metric_that_follows_its_schedule(trained: Trained) -> None:
    """`learning_rate` is what the round was trained with."""
    expected = [0.1, 0.05, 0.1 / 3]
    assert trained.values("schedule", "learning_rate") == pytest.approx(expected)


def test_what_is_not_finite_is_reported_and_counted(trained: Trained) -> None:
    """A metric that is NaN is a value like others."""
    count = trained.group("nan").value("reporter_nonfinite_total", metric_name="test-odd")
    assert count == 5


def test_a_users_callback_that_raises_stops_training_as_without_us(trained: Trained) -> None:
    """The user's error gets out; what was done before is reported, and so is the next training."""
    assert trained.told["failing"] == "a user's own callback"
    assert trained.steps("failing", "train-auc") == [0, 1, 0]  # the user's is called before ours


def test_trainings_nest(trained: Trained) -> None:
    """A training within a training's callback: each reports all of its rounds."""
    assert sorted(trained.steps("nested", "train-auc")) == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert trained.group("nested").value("reporter_steps_total") == 9


def test_nothing_of_ours_reaches_training(trained: Trained) -> None:
    """A Reporter that raises costs its metrics and nothing else, and it is said."""
    assert trained.told["hostile"] == trained.told["train"]
    assert trained.values("hostile", "train-auc") == []
    assert "train-auc is not reported: a subclass that fails" in trained.err


def test_without_lightgbm_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where LightGBM is absent or too old, importing says what to install."""
    assert "run-reporter[lightgbm]" in refusal(tmp_path, "lightgbm", "lightgbm")
    said = refusal(tmp_path, "lightgbm", "lightgbm", "3.3.5")
    assert "4.0 or newer, and 3.3.5 is installed" in said
