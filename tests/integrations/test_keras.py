"""Keras trains tiny models on each of its backends, and a real gateway shows what it did."""

from __future__ import annotations

import math

import pytest

from reporter.names import State
from tests.integrations.frameworks import needs
from tests.integrations.keras_scenes import Scenes
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

OLDER_METRICS = ["overall_epochs", "batch_size", "number_of_layers", "epoch", "step"]
OLDER_METRICS += ["accuracy", "loss"]
OLDER_PARAMETERS = {"loss_method", "optimizer_name", "learning_rate", "epsilon"}


@pytest.fixture(scope="module", params=["tensorflow", "torch", "jax"])
def keras(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Scenes:
    needs("keras", request.param)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KERAS_BACKEND", request.param)
        environment.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras-home")))
        environment.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        environment.setenv("CUDA_VISIBLE_DEVICES", "")
        return Scenes(request.param, tmp_path_factory.mktemp("keras"), pushgateway.url)


# What is reported.


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


def test_batches_that_end_out_of_turn_are_put_in_order(keras: Scenes) -> None:
    """Threads may bring them in any order; none waits for one that an error keeps away."""
    late, kept_away = keras["out_of_turn"]
    steps = [step or 0 for step in keras.steps("out_of_turn", "step")]
    assert steps[:8] == list(range(1, 9))
    assert sorted(steps[8:]) == kept_away  # its fit was over while some were still to come
    assert late == (keras.backend != "tensorflow")


# Callbacks of the user's.


def test_two_fits_go_on_in_one_run(keras: Scenes) -> None:
    """The list of callbacks stays as it is, nothing is reported twice, steps go on."""
    assert keras["twice"] == [1, 8]
    assert keras.steps("twice", "step") == list(range(1, 9))
    assert keras.counted("twice") == (8, 128)


def test_autolog_leaves_it_to_a_callback_of_ours(keras: Scenes) -> None:
    """Of two that report to one Reporter one does; with two Reporters each gets its own."""
    assert len(keras.values("both_ways", "step")) == 8
    assert keras.counted("both_ways") == (8, 128)
    assert len(keras.values("autologged", "step")) == 4
    assert len(keras.values("explicit", "step")) == 4


def test_callbacks_may_be_given_in_any_way(keras: Scenes) -> None:
    """None, a list, a tuple, a dict, one, a CallbackList: each is asked, and none is changed."""
    found = dict(keras["all_kinds"])
    assert len(keras.values("all_kinds", "step")) == 4 * len(found)
    assert [found.pop("none"), found.pop("empty")] == [[True, None]] * 2
    assert set(found) == {"list", "one", "tuple", "dict", "callback_list", "positional"}
    assert list(found.values()) == [[True, 4]] * len(found)


def test_wrong_arguments_are_refused_in_the_words_of_keras(keras: Scenes) -> None:
    """What Keras raises is raised, with and without us; the next fit is reported."""
    without, within = keras["wrong_arguments"]
    assert within == without
    assert None not in within
    assert len(keras.values("wrong_arguments", "step")) >= 4


def test_what_a_callback_raises_ends_the_run(keras: Scenes) -> None:
    """The user's own exception, unchanged; what was on is off, and the next run is whole."""
    assert keras["raises"] == {"same": True, "restored": True}
    record = keras.records["raises"]
    assert (record.state, record.reason) == (State.FAILED, "exception")
    assert keras.counted("raises") == (4, 64)
    assert keras.steps("after_it_raised", "step") == list(range(1, 9))


def test_a_training_that_is_stopped_is_whole(keras: Scenes) -> None:
    """In the middle of an epoch, or after one: progress is 1, and no step is made up."""
    assert keras.counted("stopped") == (3, 48)
    assert keras.group("stopped").value("reporter_run_steps") == 3
    assert keras.group("stopped").value("reporter_run_progress_ratio") == 1
    epochs = keras["stopped_early"]
    assert epochs < 5
    assert keras.counted("stopped_early") == (4 * epochs, 64 * epochs)


def test_a_fit_within_a_fit_is_left_out(keras: Scenes) -> None:
    """Its numbers would mix with those of the outer one; evaluate and predict are reported."""
    assert keras.steps("nested", "step") == list(range(1, 9))
    assert keras.counted("nested") == (8, 128)
    assert set(keras.values("nested", "overall_epochs")) == {2}
    assert "val_loss" not in keras.records["nested"].points
    assert len(keras.values("nested", "test_loss")) == 2
    assert len(keras.values("nested", "predict_batches")) == 2


def test_asynchronous_dispatch_stays_on(keras: Scenes) -> None:
    """No value of a batch is fetched, and no hook called, in the thread that trains.

    An ordinary callback takes that from every training; on TensorFlow Keras has no such thing.
    """
    able = keras.backend != "tensorflow"
    ours, ordinary = keras["dispatch"]["ours"], keras["dispatch"]["ordinary"]
    in_training = not able
    assert ours == {"async": [able], "fetched": [in_training], "asked": [in_training]}
    assert ordinary == {"async": [False], "fetched": [True], "asked": [True]}
    assert len(keras.steps("dispatch", "step")) == 16
    assert keras.counted("dispatch") == (16, 256)


def test_no_batch_touches_the_model(keras: Scenes) -> None:
    """On JAX asking for the model brings its state back: that happens between epochs alone."""
    without, within = keras["touched"]
    assert within - without <= 3  # of 128 batches


# Autolog, and how it is undone.


def test_keras_has_its_own_functions_again(keras: Scenes) -> None:
    """When the last Reporter has left, in whatever order; each undoes only its own."""
    found = keras["reversible"]
    assert not found.pop("before")
    assert not found.pop("after")
    assert all(found.values()), found
    assert len(keras.values("first", "step")) == 0
    assert len(keras.values("second", "step")) == 8


def test_wrong_switches_are_refused(keras: Scenes) -> None:
    """When they are given, in words that say what would be right; nothing is on then."""
    names = "accuracy, loss, learning_rate, epoch, step, batch_size, overall_epochs"
    names += ", optimizer_name, number_of_layers, loss_method, epsilon"
    found = keras["wrong_switches"]
    assert "give it as reporter=" in found.pop("by_place")
    assert found == {
        "unknown": f"TypeError: autolog has no switch 'lr'; it has {names}",
        "unknown_callback": f"TypeError: ReporterCallback has no switch 'lr'; it has {names}",
        "unknown_reporter": f"TypeError: autolog has no switch 'lr'; it has {names}",
        "no_switch": "TypeError: the switch 'accuracy' of autolog is True or False, not 'yes'",
        "no_number": "TypeError: the switch 'batch_size' of autolog is True, False or a whole"
        " number, not 1.5",
        "twice": "TypeError: autolog is given 'accuracy' twice: by its place and by its name",
        "too_many": "TypeError: autolog has 11 switches, not 12",
        "no_reporter": "TypeError: autolog takes a Reporter, not 3",
        "no_reporter_callback": "TypeError: ReporterCallback takes a Reporter, not 'x'",
        "on": "False",
    }


def test_somebody_elses_patch_is_left_alone(keras: Scenes) -> None:
    """One on top of ours stays and works, ours below passes all on, and does not pile up."""
    found = keras["another_patch"]
    assert found == {
        "theirs_stays": True,
        "asked": 4,
        "not_deeper": [True] * 3,
        "restored": True,
    }
    for name in ("patched_again_0", "patched_again_2", "patched_late"):
        assert len(keras.values(name, "step")) == 4


def test_the_calls_of_the_module_switch_for_all(keras: Scenes) -> None:
    """They report to the innermost Reporter, a plain one too; the last call's switches hold."""
    assert keras["modules"] == {"same": True, "on": True, "off": True}
    points = keras.records["modules"].points
    assert {"accuracy", "loss", "epoch"} <= set(points)
    assert "step" not in points
    assert keras.records["modules_off"].points == {}


def test_each_thread_reports_to_its_own(keras: Scenes) -> None:
    """Two threads with a Reporter each never mix; a thread without one reports to who is there."""
    assert keras["threads"] == []
    for name, epochs in (("thread_0", 2), ("thread_1", 3), ("thread_helped", 7)):
        assert keras.values(name, "overall_epochs") == [epochs]
        assert keras.counted(name) == (4 * epochs, 64 * epochs)
    for name, epochs in (("task_0", 2), ("task_1", 3)):
        assert keras.values(name, "overall_epochs") == [epochs]


def test_a_fit_of_the_users_own_is_watched(keras: Scenes) -> None:
    """Where it calls that of Keras, once for each such call; the tuple of callbacks as well."""
    keras["subclassed"]
    assert keras.steps("subclassed", "step") == list(range(1, 9))
    assert keras.records["subclassed"].parameters["number_of_parameters"] == 5


# Models and Reporters that have not all that a fit has.


def test_a_model_that_is_not_compiled_predicts(keras: Scenes) -> None:
    """Without optimizer and loss the rest is refused in Keras's own words."""
    found = keras["uncompiled"]
    assert found["within"] == found["without"]
    assert found["shape"] == [64, 1]
    assert keras.values("uncompiled", "predict_batches") == [2]


def test_loops_of_the_users_own_are_left_alone(keras: Scenes) -> None:
    """`train_on_batch` and its like report nothing by themselves."""
    assert keras["by_batches"] is None
    assert keras.records["by_batches"].points == {}


def test_a_copy_reports_here_and_nowhere_else(keras: Scenes) -> None:
    """A copied callback reports to the same run, one that was sent elsewhere to none."""
    assert keras["copied"] == [True, True]
    assert len(keras.values("copied", "step")) == 4


def test_a_reporter_that_breaks_breaks_no_training(keras: Scenes) -> None:
    """What a subclass raises is said, and training goes on."""
    assert len(keras["broken_reporter"]) == 1
    assert "of no help" in keras.err


def test_odd_values_do_not_stop_the_others(keras: Scenes) -> None:
    """What is no number, or has no name, is left out and said; all else is reported."""
    assert "f1" in keras["odd_logs"]
    assert keras.values("odd_logs", "f1") == [0.5, 0.5]
    assert "metric name is empty" in keras.err
    assert "'matrix'" in keras.err
