"""Keras with autolog: beside callbacks of the user's, in threads, nested, and undone again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reporter.names import State
from tests.integrations.keras_scenes import BACKENDS, Scenes, played
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

PLAYS = ("keras_callbacks", "keras_patches", "keras_anybody")


@pytest.fixture(scope="module", params=BACKENDS)
def keras(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scenes]:
    folder = tmp_path_factory.mktemp("keras")
    with played(request.param, folder, pushgateway.url, *PLAYS) as scenes:
        yield scenes


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


def test_batches_that_end_out_of_turn_are_put_in_order(keras: Scenes) -> None:
    """Threads may bring them in any order; none waits for one that an error keeps away."""
    late, kept_away = keras["out_of_turn"]
    steps = [step or 0 for step in keras.steps("out_of_turn", "step")]
    assert steps[:8] == list(range(1, 9))
    assert sorted(steps[8:]) == kept_away  # its fit was over while some were still to come
    assert late == (keras.backend != "tensorflow")


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
