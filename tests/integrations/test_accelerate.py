"""Accelerate trains tiny models with our tracker, and a real gateway shows what it logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.names import State
from reporter.record.load import RunRecord
from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("accelerate", "torch")
    folder = tmp_path_factory.mktemp("accelerate")
    return Trained("accelerate_training.py", folder, pushgateway.url)


def record(trained: Trained, run: str) -> RunRecord:
    return trained.training.record(run)


def test_what_is_logged_is_reported(trained: Trained) -> None:
    """Every value by its step; what is logged in groups has the group in its name."""
    losses = trained.told["losses"]
    assert trained.values("plain", "loss") == pytest.approx(losses)
    assert trained.steps("plain", "loss") == [1, 2, 3]
    assert trained.values("plain", "more/half") == [0.5, 1, 1.5]
    assert trained.group("plain").metric("loss") == pytest.approx(losses[-1])
    (info,) = [s for s in trained.group("plain").samples if s.name == "reporter_run_info"]
    assert "accelerate 1." in info.labels["framework"]


def test_the_loop_wrapper_goes_with_it(trained: Trained) -> None:
    """Steps, samples and the real optimizer's name, through what Accelerate has prepared."""
    group = trained.group("plain")
    assert group.value("reporter_steps_total") == 3
    assert group.value("reporter_samples_total") == 12
    assert group.parameters("optimizer_name") == ["SGD"]


def test_the_configuration_becomes_parameters(trained: Trained) -> None:
    """Nested names have dots; what is none is left out, and so is what may be a secret."""
    group = trained.group("plain")
    found = {"lr": "0.1", "name": "tiny", "amp": "False", "sizes": "(4, 1)"}
    found["optimizer.kind"] = "SGD"
    assert {name: group.parameters(name) for name in found} == {k: [v] for k, v in found.items()}
    assert set(trained.records["plain"].parameters) >= set(found)
    assert not [n for n in trained.records["plain"].parameters if "token" in n or n == "nothing"]


def test_a_reporter_that_was_open_stays_open(trained: Trained) -> None:
    """`end_training` ends no run that somebody else has opened."""
    assert trained.values("plain", "after") == [1]
    assert trained.group("plain").state is State.SUCCEEDED


def test_training_is_as_without_us(trained: Trained) -> None:
    """The same losses, and the configuration as it was given."""
    assert trained.told["same"]
    assert trained.told["unchanged"]


def test_the_tracker_opens_a_run_where_there_is_none(trained: Trained) -> None:
    """It has the project's name and ends with the training; copies and latecomers add nothing."""
    run, project = trained.told["own"]
    assert project == "given"
    ended = record(trained, run)
    assert ended.state is State.SUCCEEDED
    assert list(ended.points["loss"].values) == pytest.approx(trained.told["losses"])
    assert not {"late", "of the copy"} & set(ended.points)


def test_a_run_that_an_exception_ends_has_failed(trained: Trained) -> None:
    """The same tracker trains anew in a run of its own, and success is no default."""
    second = record(trained, trained.told["second"])
    assert (second.state, second.reason) == (State.FAILED, "exception")


def test_the_tracker_is_known_by_name_once_registered(trained: Trained) -> None:
    """With the project of `init_trackers`, and settings from its `init_kwargs`."""
    assert trained.told["registered"] == "vision"
    assert trained.values("by its name", "loss") == pytest.approx(trained.told["losses"])
    assert trained.told["unregistered"]


def test_what_is_no_number_is_left_out_and_said(trained: Trained) -> None:
    """NaN is a value; texts, arrays, images and things of other kinds stop no training."""
    group = trained.group("odd")
    assert group.value("reporter_nonfinite_total", metric_name="loss") == 3
    assert group.metric("text") is None
    assert "text is not reported" in trained.err
    assert "images are not reported" in trained.err
    assert "ReporterTracker.log reports nothing: AttributeError" in trained.err


def test_trainings_nest(trained: Trained) -> None:
    """Each reports to the run that it began in."""
    assert trained.values("inner", "loss") == pytest.approx(trained.told["losses"])
    assert trained.values("odd", "outer") == [1]
    assert trained.steps("odd", "outer") == [9]


def test_other_ranks_report_no_metrics(trained: Trained) -> None:
    """Values are the first rank's; steps are everybody's."""
    identity = trained.records["other rank"].identity
    group = trained.training.group(str(identity["id"]), rank=1)
    assert group.metric("loss") is None
    assert group.value("reporter_steps_total") == 3


def test_a_wrong_setting_stops_no_training(trained: Trained) -> None:
    """Given to the tracker or in the environment: it is said, and nothing is reported."""
    assert "this training is not reported: " in trained.err
    assert "'soon'" in trained.err
    assert "'never'" in trained.err
    assert "this loop is not reported: " in trained.err


def test_without_accelerate_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where Accelerate is absent or too old, importing says what to install."""
    assert "run-reporter[accelerate]" in refusal(tmp_path, "accelerate", "accelerate")
    said = refusal(tmp_path, "accelerate", "accelerate", "0.25.0")
    assert "0.26 or newer, and 0.25.0 is installed" in said
