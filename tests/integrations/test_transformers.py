"""Trainers of Transformers train tiny models, and a real gateway shows what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(400)]

PHASES = ("data", "compute", "validation", "checkpoint", "other")


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("transformers", "torch", "accelerate")
    folder = tmp_path_factory.mktemp("transformers")
    return Trained("transformers_training.py", folder, pushgateway.url)


def logged(history: list[dict[str, Any]], name: str) -> list[tuple[float, int]]:
    """The values of a name in what a Trainer logged, with their steps."""
    return [(each[name], each["step"]) for each in history if name in each]


def phases(trained: Trained, name: str) -> dict[str, float]:
    group = trained.group(name)
    found = {each: group.value("reporter_step_seconds_total", phase=each) for each in PHASES}
    return {phase: value for phase, value in found.items() if value}


def test_everything_that_the_trainer_logs_is_reported(trained: Trained) -> None:
    """All of its names and values, each by the global step; the newest shows."""
    history = trained.told["plain"]
    names = {name for each in history for name in each} - {"step"}
    assert {"loss", "grad_norm", "learning_rate", "epoch", "eval_loss", "train_loss"} < names
    for name in names:
        wanted = logged(history, name)
        points = zip(trained.values("plain", name), trained.steps("plain", name), strict=True)
        assert list(points) == wanted
        assert trained.group("plain").metric(name) == pytest.approx(wanted[-1][0])


def test_steps_samples_and_progress_are_those_of_the_trainer(trained: Trained) -> None:
    """Six steps of up to two batches: accumulated ones count once, their samples all."""
    group = trained.group("plain")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 6
    assert group.value("reporter_run_step") == 6
    assert group.value("reporter_samples_total") == 40
    assert group.value("reporter_run_progress_ratio") == 1
    assert trained.values("plain", "step") == [1, 2, 3, 4, 5, 6]
    found = {"overall_epochs": 2, "batch_size": 4, "number_of_layers": 2, "epoch": 2}
    assert {name: group.metric(name) for name in found} == found
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("transformers ")


def test_time_goes_to_data_compute_validation_and_checkpoints(trained: Trained) -> None:
    """And all of it together is no more than the training took, others within it included."""
    spent = phases(trained, "plain")
    assert set(spent) == set(PHASES)
    assert sum(spent.values()) <= trained.told["seconds"]
    assert trained.group("plain").value("reporter_checkpoint_time_seconds")
    assert sum(phases(trained, "nested").values()) <= trained.told["nested"]


def test_stages_are_training_and_validation(trained: Trained) -> None:
    """A validation after each epoch, and none of them when training is over."""
    stages = [name for _time, name in trained.records["plain"].stages]
    assert stages == ["train", "validation", "train", "validation", "train", None]
    stages = [name for _time, name in trained.records["failing"].stages]
    assert stages == ["train", None, "train", None, "train"]


def test_settings_are_parameters_and_secrets_are_not(trained: Trained) -> None:
    """Of arguments, optimizer and model; a token is in no file of the record."""
    group = trained.group("plain")
    found = {
        "per_device_train_batch_size": "4",
        "learning_rate": "0.01",
        "lr_scheduler_type": "linear",
        "optimizer_name": "AdamW",
        "loss_method": "ForSequenceClassification",
        "epsilon": "1e-08",
        "model.hidden_size": "8",
        "seed": "42",
    }
    assert {name: group.parameters(name) for name in found} == {k: [v] for k, v in found.items()}
    folder = Path(trained.records["plain"].folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"never-to-be-seen" in path.read_bytes()]


def test_training_is_as_without_us(trained: Trained) -> None:
    """The same losses to the last bit, and the arguments as they were given."""
    assert trained.told["same"]
    assert trained.told["unchanged"]


def test_report_to_gives_a_trainer_the_callback(trained: Trained) -> None:
    """Once registered; a second callback counts nothing twice; `all` means what it did before."""
    assert trained.group("registered").value("reporter_steps_total") == 6
    assert len(trained.values("registered", "loss")) == 6
    assert trained.told["all"] is False
    assert trained.told["unregistered"]
    assert "two ReporterCallbacks: the first one reports" in trained.err


def test_a_loss_that_is_not_finite_is_a_value(trained: Trained) -> None:
    """NaN is reported and counted; the model here has no configuration."""
    group = trained.group("nan")
    assert group.value("reporter_nonfinite_total", metric_name="loss") == 6
    assert group.metric("number_of_layers") == 1


def test_a_users_callback_that_raises_stops_training_as_without_us(trained: Trained) -> None:
    """Its error gets out; the same Trainer then trains anew, and that is reported too."""
    assert trained.told["failing"] == "a user's own callback"
    assert trained.values("failing", "step") == [1, 2, 1, 2, 3, 4, 5, 6, 1, 2]
    assert len(trained.values("evaluated after it failed", "eval_loss")) == 1


def test_a_training_that_stops_early_has_the_steps_that_it_did(trained: Trained) -> None:
    """Four of six; the run succeeds."""
    group = trained.group("stopped")
    assert group.value("reporter_steps_total") == 4
    assert group.value("reporter_run_steps") == 6
    assert group.value("reporter_run_progress_ratio") == 1


def test_trainings_nest(trained: Trained) -> None:
    """Within a step two other Trainers train, one of them with the same callback."""
    assert trained.values("nested", "step") == [1, 1, 2, 3, 1, 2, 3, 2, 3]
    assert trained.group("nested").value("reporter_steps_total") == 9


def test_evaluation_and_prediction_are_reported_without_a_training(trained: Trained) -> None:
    """In the run that is open then, once each, whatever was open before."""
    evaluated, predicted = trained.told["evaluated"]
    assert trained.values("evaluated", "eval_loss") == [evaluated["eval_loss"]]
    assert trained.values("evaluated", "test_loss") == [predicted["test_loss"]]
    assert len(trained.values("evaluated later", "late_loss")) == 1
    assert trained.values("evaluated later", "mine") == [7]
    assert set(phases(trained, "evaluated")) == {"validation"}
    assert trained.group("evaluated").value("reporter_steps_total") is None


def test_a_stream_has_steps_and_no_epochs(trained: Trained) -> None:
    """Where `max_steps` ends training there is no number of epochs to tell."""
    group = trained.group("stream")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 3
    assert group.metric("overall_epochs") is None


def test_other_ranks_report_their_time_and_no_metrics(trained: Trained) -> None:
    """Steps and seconds of every rank, values of the first."""
    identity = trained.records["other rank"].identity
    group = trained.training.group(str(identity["id"]), rank=1)
    assert group.value("reporter_steps_total") == 3
    assert group.metric("loss") is None
    assert group.parameters("seed") == []


def test_nothing_of_ours_reaches_training(trained: Trained) -> None:
    """A Reporter that raises costs its metrics and nothing else, and it is said."""
    assert trained.told["hostile"]
    assert trained.values("hostile", "loss") == []
    assert "loss is not reported: a subclass that fails" in trained.err


def test_without_transformers_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where Transformers is absent or too old, importing says what to install."""
    assert "run-reporter[transformers]" in refusal(tmp_path, "transformers", "transformers")
    said = refusal(tmp_path, "transformers", "transformers", "4.29.2")
    assert "4.30 or newer, and 4.29.2 is installed" in said
