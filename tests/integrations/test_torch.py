"""Loops of plain PyTorch train tiny models, and a real gateway shows how they went on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained, refusal
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

RUNS = (
    *("plain", "accumulated", "left_early", "nested", "endless", "loaded", "counted", "broken"),
    *("unread", "folds", "first", "second", "outer", "inner", "resumed", "other rank"),
    "compared",
)
PHASES = ("data", "compute", "validation", "checkpoint", "other")


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("torch", "numpy")
    return Trained("torch_training.py", tmp_path_factory.mktemp("torch"), pushgateway.url)


def seconds(trained: Trained, name: str) -> dict[str, float]:
    """Where the time of a run's steps went."""
    group = trained.group(name)
    found = {each: group.value("reporter_step_seconds_total", phase=each) for each in PHASES}
    return {phase: value for phase, value in found.items() if value is not None}


def test_steps_samples_and_progress_are_those_of_the_loop(trained: Trained) -> None:
    """Two epochs of three batches, the last one smaller: each counts, and progress reaches 1."""
    group = trained.group("plain")
    assert group.value("reporter_steps_total") == 6
    assert group.value("reporter_run_step") == 6
    assert group.value("reporter_run_steps") == 6
    assert group.value("reporter_samples_total") == 40
    assert group.value("reporter_run_progress_ratio") == 1
    assert group.value("reporter_checkpoint_time_seconds")
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("torch 2.")


def test_metrics_have_the_names_that_everybody_shares(trained: Trained) -> None:
    """Step, epoch, batch size and the learning rate by its schedule; the user's own beside them."""
    assert trained.values("plain", "step") == [1, 2, 3, 4, 5, 6]
    assert trained.values("plain", "learning_rate") == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert trained.steps("plain", "learning_rate") == [1, 2, 3, 4, 5, 6]
    assert trained.values("plain", "epoch") == [0, 1]
    assert trained.values("plain", "loss") == pytest.approx(trained.told["plain"]["losses"])
    group = trained.group("plain")
    found = {"overall_epochs": 2, "batch_size": 8, "number_of_layers": 3, "epoch": 1}
    assert {name: group.metric(name) for name in found} == found


def test_model_and_optimizer_are_told(trained: Trained) -> None:
    """Their settings are parameters of the run."""
    group = trained.group("plain")
    found = {"optimizer_name": "AdamW", "epsilon": "1e-06", "learning_rate": "0.1"}
    found["number_of_parameters"] = "49"
    assert {name: group.parameters(name) for name in found} == {k: [v] for k, v in found.items()}


def test_stages_follow_the_loop(trained: Trained) -> None:
    """Training, a validation in each epoch, and training again."""
    stages = [name for _time, name in trained.records["plain"].stages]
    assert stages == ["train", "validation", "train", "validation", "train", None]


def test_training_is_as_without_us(trained: Trained) -> None:
    """The losses are, to the last bit, those of the same loop without ours around it."""
    assert trained.told["plain"]["same"]


def test_the_phases_are_never_longer_than_the_loop(trained: Trained) -> None:
    """Every second goes to one phase: validation within a batch's turn is not computing too."""
    spent = seconds(trained, "plain")
    assert set(spent) == set(PHASES)
    assert sum(spent.values()) <= trained.told["plain"]["seconds"]
    assert spent["checkpoint"] >= 0.01
    assert spent["other"] >= 0.02  # between the passes
    whole, inside = trained.told["nested"]
    spent = seconds(trained, "nested")
    assert spent["validation"] >= 9 * 0.005
    assert spent["data"] + spent["compute"] <= whole - inside + 0.001
    assert trained.group("nested").value("reporter_steps_total") == 3


def test_accumulated_batches_make_a_step(trained: Trained) -> None:
    """Two batches a step, and the odd one of each epoch is a step too."""
    group = trained.group("accumulated")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 4
    assert group.value("reporter_samples_total") == 40


def test_a_loop_that_is_left_counts_its_last_batch(trained: Trained) -> None:
    """After `break` and `continue` the steps are those begun; an exception passes through."""
    assert trained.told["left"] == 5
    assert trained.told["raised"] == ['"of the user\'s own"', True]
    assert trained.group("left_early").value("reporter_steps_total") == 6
    assert trained.group("left_early").value("reporter_run_steps") == 10


def test_batches_without_an_end_have_the_progress_that_is_told(trained: Trained) -> None:
    """`total` says how many there will be; samples are found in a dictionary's arrays."""
    group = trained.group("endless")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 4
    assert group.value("reporter_samples_total") == 20


def test_loaders_of_every_kind_are_counted_once(trained: Trained) -> None:
    """Streams, sampled shares, and workers, forked or spawned, whose copies report nothing."""
    group = trained.group("loaded")
    assert group.value("reporter_steps_total") == 5 + 3 + 3 + 2
    assert group.value("reporter_samples_total") == 20 + 6 + 6 + 10
    assert group.metric("of-the-worker") is None
    assert set(trained.records) == set(RUNS)
    assert len(trained.training.runs()) == len(RUNS)


def test_samples_may_be_told(trained: Trained) -> None:
    """By a function or a number; one that fails costs the samples alone, and is said."""
    group = trained.group("counted")
    assert group.value("reporter_samples_total") == 2 * 4 + 2 * 4
    assert group.value("reporter_steps_total") == 3 * 2 + 5
    assert "samples are not counted: 'list' object has no attribute 'none'" in trained.err


def test_what_tells_nothing_of_itself_is_trained_all_the_same(trained: Trained) -> None:
    """Lazy models, objects of other kinds, batches that raise, a loss that is not a number."""
    group = trained.group("broken")
    assert group.value("reporter_nonfinite_total", metric_name="loss") == 6
    assert group.value("reporter_steps_total") == 7
    assert trained.told["broken"] == "no such file"
    assert "not everything about model and optimizer is reported" in trained.err


def test_nothing_waits_for_a_device_or_keeps_a_batch(trained: Trained) -> None:
    """No operation of torch runs on the loop's behalf; a batch that the body drops is gone."""
    assert trained.told["unread"] == []
    assert trained.told["gone"] == [True, True, True]


def test_a_loop_may_serve_several_runs(trained: Trained) -> None:
    """One after the other each has steps and parameters of its own; so has one within another."""
    for name in ("first", "second"):
        assert trained.values(name, "step") == [1, 2, 3, 4, 5, 6]
        assert trained.group(name).value("reporter_steps_total") == 6
        assert trained.group(name).parameters("optimizer_name") == ["AdamW"]
    assert trained.values("outer", "step") == [1, 2, 3]
    assert trained.values("inner", "step") == [1, 2, 3, 4, 5]


def test_a_second_loop_of_a_run_goes_on_counting(trained: Trained) -> None:
    """Folds have one count, nested loops too; a loop with a `step` of its own has its own."""
    assert trained.values("folds", "step") == [*range(1, 10), 1, 2, 3, *range(10, 16)]
    assert trained.told["folds"] == 13  # the first, then two within it, then its second
    assert trained.values("compared", "step") == [1, 2, 3]


def test_wrong_arguments_are_refused_at_the_callers_line(trained: Trained) -> None:
    """Before any training, with what is wrong."""
    few, text = trained.told["refused"]
    assert few == ["ValueError", "accumulate must be at least 1, and is 0"]
    assert text[:1] == ["TypeError"]


def test_a_resumed_training_goes_on_counting(trained: Trained) -> None:
    """Steps begin behind those that were done before."""
    assert trained.values("resumed", "step") == [101, 102, 103]
    assert trained.group("resumed").value("reporter_run_step") == 103
    assert trained.values("resumed", "epoch") == [7]


def test_other_ranks_report_their_time_and_no_metrics(trained: Trained) -> None:
    """Unless they are told to: the second training here is."""
    group = trained.training.group(str(trained.records["other rank"].identity["id"]), rank=1)
    assert group.value("reporter_steps_total") == 6
    assert trained.values("other rank", "step") == [4, 5, 6]


def test_without_torch_the_message_names_the_extra(tmp_path: Path) -> None:
    """Where torch is absent or too old, importing says what to install."""
    assert "run-reporter[torch]" in refusal(tmp_path, "torch", "torch")
    assert "2.0 or newer, and 1.13.1 is installed" in refusal(tmp_path, "torch", "torch", "1.13.1")
