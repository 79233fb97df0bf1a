"""Keras trains tiny models on each of its backends, and a real gateway shows what it did."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from reporter.names import State
from tests.integrations.keras_scenes import BACKENDS, Scenes, played
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

OLDER_METRICS = ["overall_epochs", "batch_size", "number_of_layers", "epoch", "step"]
OLDER_METRICS += ["accuracy", "loss"]
OLDER_PARAMETERS = {"loss_method", "optimizer_name", "learning_rate", "epsilon"}


@pytest.fixture(scope="module", params=BACKENDS)
def keras(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scenes]:
    folder = tmp_path_factory.mktemp("keras")
    with played(request.param, folder, pushgateway.url, "keras_alone", "keras_values") as scenes:
        yield scenes


def test_a_gateway_shows_the_newest_values(keras: Scenes) -> None:
    """Those of fit, validation, evaluate and predict, under the names that Keras gives them."""
    told, group = keras["plain"], keras.group("plain")
    found = {name: values[-1] for name, values in told["history"].items()}
    found |= {f"test_{name}": value for name, value in told["evaluated"].items()}
    found |= {"overall_epochs": 2, "batch_size": 16, "number_of_layers": 2, "epoch": 1, "step": 3}
    found |= {"learning_rate": 0.001, "predict_batches": 4}
    assert {name: group.metric(name) for name in found} == pytest.approx(found)
    assert (group.metric("predict_samples_per_second") or 0) > 0
    assert group.state is State.SUCCEEDED
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("keras 3.")
    assert info.labels["framework"].endswith(f"({keras.backend})")


def test_steps_samples_time_and_progress_are_those_of_the_fit(keras: Scenes) -> None:
    """Eight steps of sixteen, no second twice, and a progress that reaches 1."""
    group, seconds = keras.group("plain"), keras.seconds("plain")
    assert keras.counted("plain") == (8, 128)
    assert group.value("reporter_run_step") == 8
    assert group.value("reporter_run_steps") == 8
    assert group.value("reporter_run_progress_ratio") == 1
    assert {"data", "compute", "validation"} <= set(seconds)
    assert sum(seconds.values()) <= keras["plain"]["seconds"]


def test_every_batch_is_a_point_at_its_step(keras: Scenes) -> None:
    """The step of points goes on over epochs; the metric `step` restarts, as it always did."""
    assert keras.steps("plain", "step") == list(range(1, 9))
    assert keras.values("plain", "step") == [k % 4 for k in range(8)]
    losses = dict(zip(keras.steps("plain", "loss"), keras.values("plain", "loss"), strict=True))
    assert list(losses) == list(range(1, 9))
    assert [losses[4], losses[8]] == pytest.approx(keras["plain"]["history"]["loss"])
    assert keras.steps("plain", "val_loss") == [4, 8]
    assert keras.values("plain", "epoch") == [0, 0, 1, 1]
    assert keras.steps("plain", "epoch") == [0, 4, 4, 8]


def test_model_and_optimizer_are_parameters(keras: Scenes) -> None:
    """What they are and how they are set; epsilon and the loss's name only when asked for."""
    found = dict(keras.records["plain"].parameters)
    wanted = {"optimizer_name": "Adam", "learning_rate": 0.001, "optimizer_beta_1": 0.9}
    wanted["number_of_parameters"] = keras["plain"]["parameters"]
    assert found.items() >= wanted.items()
    assert "model_name" in found
    assert not {"epsilon", "loss_method", "optimizer_learning_rate"} & set(found)
    assert keras.group("plain").parameters("optimizer_name") == ["Adam"]


def test_stages_are_told_and_left(keras: Scenes) -> None:
    """Training; what follows at once may be too soon to be told. A stage of the user's stays."""
    stages = [name for _time, name in keras.records["plain"].stages]
    assert stages[:2] == ["train", None]
    assert stages[-1] is None
    assert [name for _time, name in keras.records["own_stage"].stages] == ["warm-up", None]


@pytest.mark.parametrize(
    ("scene", "parameters"),
    [
        ("older", ["optimizer_name", "learning_rate"]),
        ("older_with_all", ["loss_method", "optimizer_name", "learning_rate", "epsilon"]),
    ],
)
def test_the_older_names_come_in_the_older_order(
    keras: Scenes, scene: str, parameters: list[str]
) -> None:
    """For `fit(batch_size=16)`, through a subclass's own reportMetric and reportParameter."""
    first = list(dict.fromkeys(name for kind, name in keras[scene] if kind == "metric"))
    assert first[: len(OLDER_METRICS)] == OLDER_METRICS
    told = [name for kind, name in keras[scene] if kind == "parameter"]
    assert [name for name in told if name in OLDER_PARAMETERS] == parameters
    recorded = [name for name in keras.records[scene].points if name in OLDER_METRICS]
    assert recorded == OLDER_METRICS
    assert len(told) == len(set(told))


def test_each_switch_switches_off(keras: Scenes) -> None:
    """With all of them off nothing that they name is left, of validation neither."""
    assert set(keras.records["switched_off"].points) == set()
    assert set(keras.records["switched_off"].parameters) == {"model_name", "number_of_parameters"}
    assert keras.counted("switched_off") == (4, 64)


def test_a_callback_does_without_autolog(keras: Scenes) -> None:
    """It reports to the innermost Reporter; how large a batch is must be told."""
    assert keras.counted("by_hand") == (4, 64)
    assert keras.values("by_hand", "batch_size") == [16]
    assert "number_of_layers" not in keras.records["by_hand"].points
    assert len(keras.values("by_hand", "step")) == 4


def test_partial_batches_and_joined_steps_are_counted_right(keras: Scenes) -> None:
    """Seven batches of fifty samples, twice; each execution tells of as many as it did."""
    assert keras.counted("odd_batches") == (14, 100)
    assert keras.steps("odd_batches", "step") == (
        list(range(1, 15)) if keras.backend == "torch" else [3, 6, 7, 10, 13, 14]
    )


def test_accuracy_has_one_name(keras: Scenes) -> None:
    """A metric that a model calls `acc` is reported as `accuracy`, and once."""
    names = {name for name in keras.records["named_acc"].points if "acc" in name}
    assert names == {"accuracy", "val_accuracy"}


def test_a_loss_is_told_by_its_name(keras: Scenes) -> None:
    """A function or an object has one; its text would say where it lies in memory."""
    name = "mean_squared_error"
    assert keras["losses"] == ["mse", name, name, "mse, None", f"a: {name}", None]


def test_a_schedule_is_a_metric(keras: Scenes) -> None:
    """Each step's own rate, from where the optimizer had been before."""
    steps = keras.steps("schedule", "learning_rate")
    assert list(zip(steps, keras.values("schedule", "learning_rate"), strict=True)) == [
        (k + 1, pytest.approx(rate, rel=1e-6)) for k, rate in enumerate(keras["schedule"])
    ]
    parameters = keras.records["schedule"].parameters
    assert parameters["optimizer_learning_rate_schedule"] == "ExponentialDecay"


def test_a_rate_that_a_callback_sets_is_a_metric(keras: Scenes) -> None:
    """What is set before an epoch holds in it; the parameter is the rate at the start."""
    found = {round(value, 6) for value in keras.values("changed_rate", "learning_rate")}
    assert found == {0.1, 0.05, 0.025}
    assert keras.records["changed_rate"].parameters["learning_rate"] == 0.01


def test_the_last_rate_is_what_the_last_batch_used(keras: Scenes) -> None:
    """However short an epoch; nobody's rate of the next one, and Keras's own word holds."""
    assert keras.values("last_set", "learning_rate") == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert keras.steps("last_set", "learning_rate") == [1, 4, 5, 8, 9, 12]
    scheduled = [
        keras.values(f"last_{each}", "learning_rate") for each in ("scheduled", "of_unknown")
    ]
    assert [each[-1] for each in scheduled] == pytest.approx(keras["last_rate"], rel=1e-6)
    assert keras.steps("last_of_unknown", "learning_rate") == [1, 5]
    assert keras.values("told_rate", "learning_rate")[-1] == 0.7


def test_tensorflow_is_brought_by_nobody(keras: Scenes) -> None:
    """Where it is not the backend: importing it takes seconds in the thread that trains."""
    assert keras["alone"] == [keras.backend == "tensorflow"] * 2
    found = dict(keras.records["alone"].parameters)
    wanted = {"optimizer_learning_rate_schedule": "ExponentialDecay", "optimizer_beta_1": 0.9}
    assert found.items() >= wanted.items()


def test_a_resumed_training_goes_on_counting(keras: Scenes) -> None:
    """With an initial epoch the steps before it have been done; two epochs are still to come."""
    assert min(step for step in keras.steps("resumed", "loss") if step) == 5
    assert max(step for step in keras.steps("resumed", "loss") if step) == 12
    assert keras.counted("resumed") == (8, 128)


def test_checkpoints_take_time_of_their_own(keras: Scenes) -> None:
    """What a ModelCheckpoint writes is measured, and is in no other phase."""
    seconds = keras.seconds("checkpoints")
    assert seconds["checkpoint"] > 0
    assert sum(seconds.values()) <= keras["checkpoints"]
    assert keras.group("checkpoints").value("reporter_checkpoint_time_seconds")


def test_data_of_every_kind_is_counted(keras: Scenes) -> None:
    """A data set that says its batch size, and generators, which do not."""
    assert keras.counted("dataset") == (8, 128)
    assert keras.counted("generator") == (8, None)
    assert keras.group("generator").value("reporter_run_steps") == 8
    assert "batch_size" not in keras.records["generator"].points
    assert keras.counted("endless_generator") == (5, None)
    assert keras.group("endless_generator").value("reporter_run_steps") == 5
    assert keras["endless_generator"] == [keras.values("endless_generator", "loss")[-1]]


def test_what_is_not_finite_is_reported(keras: Scenes) -> None:
    """A loss that is NaN is pushed as it is, and counted."""
    group = keras.group("no_number")
    assert math.isnan(group.metric("loss") or 0)
    assert group.value("reporter_nonfinite_total", metric_name="loss") == 5
    assert group.state is State.SUCCEEDED


def test_only_rank_0_reports_metrics(keras: Scenes) -> None:
    """Another one tells its own time and steps, and all if it is told to."""
    assert keras.records["rank_1"].points == {}
    assert keras.counted("rank_1", rank=1) == (4, None)
    assert len(keras.values("rank_1_too", "step")) == 4
