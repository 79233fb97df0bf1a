"""scikit-learn fits tiny estimators, and a real gateway shows what they found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("sklearn")
    return Trained("sklearn_fits.py", tmp_path_factory.mktemp("sklearn"), pushgateway.url)


def test_a_fit_is_reported_with_its_parameters_time_and_score(trained: Trained) -> None:
    """Parameters of the estimator, the size of the data, seconds, and the score if asked for."""
    group = trained.group("fit")
    assert group.parameters("estimator") == ["LogisticRegression"]
    assert group.parameters("C") == ["0.5"]
    assert group.parameters("n_samples") == ["90"]
    assert group.parameters("n_features") == ["3"]
    assert group.metric("training_score") == pytest.approx(trained.told["score"])
    assert (group.metric("fit_seconds") or 0) > 0
    assert group.value("reporter_steps_total") == 1
    assert group.value("reporter_samples_total") == 90
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("scikit-learn ")


def test_a_watched_estimator_fits_as_it_would(trained: Trained) -> None:
    """It is the same object, with the same signature and the same result."""
    assert trained.told["returned"] == [True, True]
    assert trained.told["signature"] == ["X", "y", "sample_weight"]
    ours, theirs = trained.told["coefficients"]
    assert ours == theirs


def test_copies_are_plain_estimators(trained: Trained) -> None:
    """Clones, copies and pickles report nothing, fit themselves, and do not know of us."""
    assert trained.told["copies"] == [False, False, False, False]
    assert not trained.told["pickle_knows_us"]
    assert trained.told["original_left_alone"]
    assert trained.values("copies", "fit_seconds") == []


def test_watching_can_be_undone(trained: Trained) -> None:
    """After `unwatch` the estimator is as if it had never been watched; no class ever was."""
    assert trained.told["unwatched"]
    assert trained.told["class_untouched"]
    assert trained.values("unwatched", "fit_seconds") == []


def test_each_fit_is_reported_once(trained: Trained) -> None:
    """However often an estimator is watched; `fit` twice is two fits."""
    assert len(trained.values("twice", "fit_seconds")) == 2
    assert trained.values("twice", "training_score") == []
    assert trained.group("twice").value("reporter_steps_total") == 2


@pytest.mark.parametrize("name", ["search", "search in processes"])
def test_a_search_reports_every_candidate_and_the_best(name: str, trained: Trained) -> None:
    """By the candidate's index, in the process that searches alone."""
    scores = trained.told[name]
    assert trained.values(name, "mean_test_score") == pytest.approx(scores)
    assert trained.steps(name, "mean_test_score") == [0, 1, 2]
    assert len(trained.values(name, "std_test_score")) == 3
    best, chosen = trained.told["best"]
    group = trained.group(name)
    assert group.metric("best_score") == pytest.approx(best) == pytest.approx(max(scores))
    assert [float(text) for text in group.parameters("best/C")] == [chosen]
    assert group.parameters("estimator__C") == ["1.0"]
    assert group.value("reporter_steps_total") == 3
    assert len(trained.values(name, "fit_seconds")) == 1
    assert len(trained.training.runs()) == trained.told["runs"]  # none was opened by a worker


def test_parts_of_the_data_are_steps(trained: Trained) -> None:
    """Each `partial_fit` counts, with its samples and its score."""
    group = trained.group("parts")
    assert group.value("reporter_steps_total") == 3
    assert group.value("reporter_samples_total") == 90
    assert trained.steps("parts", "training_score") == [0, 1, 2]
    assert group.metric("training_score") == pytest.approx(trained.told["parts"])


def test_an_estimator_that_keeps_its_losses_has_them_reported(trained: Trained) -> None:
    """`loss_curve_` is `loss`, by the iteration."""
    assert trained.values("curve", "loss") == pytest.approx(trained.told["curve"])
    assert trained.steps("curve", "loss") == [0, 1, 2, 3, 4, 5]


def test_a_pipeline_reports_the_settings_of_its_steps(trained: Trained) -> None:
    """Numbers and texts, and not the estimators that have them."""
    group = trained.group("pipeline")
    assert group.parameters("logisticregression__C") == ["2"]
    assert group.parameters("steps") == group.parameters("standardscaler") == []


def test_a_fit_by_another_method_counts_once(trained: Trained) -> None:
    """`fit_transform` is a fit, whether it calls other methods or not."""
    assert trained.told["transform"] == [90, 2]
    assert len(trained.values("transform", "fit_seconds")) == 2
    assert trained.group("transform").value("reporter_steps_total") == 2


def test_estimators_that_raise_or_say_nan_do_so_as_without_us(trained: Trained) -> None:
    """A fit's error gets out, a score's does not, and NaN is a value."""
    assert trained.told["odd"] == "a user's own estimator"
    assert "a user's own score" in trained.err
    assert trained.group("odd").value("reporter_nonfinite_total", metric_name="loss") == 1
    assert len(trained.values("odd", "fit_seconds")) == 1


def test_fits_nest(trained: Trained) -> None:
    """An estimator that is watched within the fit of another: both are reported."""
    assert len(trained.values("nested", "fit_seconds")) == 2


def test_what_has_no_fit_is_refused(trained: Trained) -> None:
    """At the caller's line, before any training."""
    nothing, kind = trained.told["no estimator"]
    assert nothing == "object has no fit that could be watched"
    assert kind == "give an estimator, not its class: SGDClassifier(…)"
    assert "`score` computes the training score" in trained.told["help"]


def test_nothing_of_ours_reaches_a_fit(trained: Trained) -> None:
    """A Reporter that raises costs its metrics and nothing else, and it is said."""
    assert trained.told["hostile"] == trained.told["coefficients"][0]
    assert trained.values("hostile", "fit_seconds") == []
    assert "fit_seconds is not reported: a subclass that fails" in trained.err


def test_without_sklearn_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where scikit-learn is absent or too old, importing says what to install."""
    assert "run-reporter[sklearn]" in refusal(tmp_path, "sklearn", "sklearn")
    assert "1.2 or newer, and 1.1.3 is" in refusal(tmp_path, "sklearn", "sklearn", "1.1.3")
