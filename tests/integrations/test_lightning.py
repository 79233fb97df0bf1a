"""Lightning trains tiny models under both of its names, and a real gateway shows how."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.integrations.frameworks import needs
from tests.integrations.trainings import LONGEST_S, Trained, refusal
from tests.runs import Training
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

# The module of ours that users of a package import from.
PACKAGES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}

# Which classes ours are of: of what the program has imported before.
_OF_WHICH = """
import importlib, sys, warnings
warnings.simplefilter("ignore")

def check(ours, package):
    callback, logger = ours.ReporterCallback(), ours.ReporterLogger()
    assert isinstance(callback, package.Callback), package
    assert isinstance(logger, package.loggers.Logger), package
    package.Trainer(callbacks=callback, logger=logger, accelerator="cpu")

import pytorch_lightning
from reporter_integrations import lightning as ours, pytorch_lightning as other
check(ours, pytorch_lightning)
check(other, pytorch_lightning)
second = importlib.import_module("lightning.pytorch")
importlib.reload(ours)
check(ours, second)
check(ours, pytorch_lightning)
"""


@pytest.fixture(scope="module", params=PACKAGES)
def trained(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    needs("lightning", "pytorch_lightning")
    folder = tmp_path_factory.mktemp("lightning")
    chosen = PACKAGES[request.param], request.param
    return Trained("lightning_training.py", folder, pushgateway.url, *chosen)


def test_ours_are_of_every_package_that_is_in_use(tmp_path: Path) -> None:
    """Whatever module of ours one imports from, once one has imported one's own package."""
    needs("lightning", "pytorch_lightning")
    command = [sys.executable, "-c", _OF_WHICH]
    with Training(tmp_path, mode="disabled").started(command) as process:
        _, err = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, err


def test_the_classes_are_those_of_the_package_in_use(trained: Trained) -> None:
    """A Trainer of either package takes ours for its own; whose list it was, it stays as it is."""
    assert trained.told["subclass"] == [True, True]
    assert trained.told["callbacks"]
    (info,) = [s for s in trained.group("whole").samples if s.name == "reporter_run_info"]
    assert info.labels["framework"].startswith("lightning 2.")


def test_the_callback_reports_each_step(trained: Trained) -> None:
    """Loss, step and gradient norm of each, by Lightning's own count; the rest when it changes."""
    assert trained.values("whole", "loss") == pytest.approx(trained.told["losses"])
    assert trained.steps("whole", "loss") == trained.values("whole", "step") == list(range(8))
    assert trained.values("whole", "learning_rate") == pytest.approx([0.1, 0.01])
    assert trained.steps("whole", "learning_rate") == [0, 4]
    assert trained.values("whole", "batch_size") == [4]
    norms = trained.values("whole", "gradient_norm")
    assert len(norms) == 8
    assert all(0 < norm < math.inf for norm in norms)
    group = trained.group("whole")
    assert group.metric("epoch") == 1
    assert group.metric("overall_epochs") == 2
    assert group.metric("number_of_layers") == 3
    assert group.parameters("number_of_parameters") == ["17"]
    assert group.parameters("optimizer_name") == ["SGD"]


def test_steps_and_time_are_told(trained: Trained) -> None:
    """Samples are those of training, each phase took time, and progress reaches 1."""
    group = trained.group("whole")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 8
    assert group.value("reporter_samples_total") == 32
    for phase in ("data", "compute", "validation", "checkpoint", "other"):
        assert (group.value("reporter_step_seconds_total", phase=phase) or 0) > 0, phase
    assert (group.value("reporter_checkpoint_time_seconds") or 0) > 1e9
    assert group.value("reporter_run_progress_ratio") == 1


def test_stages_follow_the_trainer(trained: Trained) -> None:
    """Each is told when it begins, and the one before when it ends."""
    stages = [event.fields["name"] for event in trained.events("whole", "stage")]
    fitting = ["sanity check", None, "train", *["validation", "train"] * 2, None]
    assert stages == [*fitting, "test", None, "predict", None]


def test_what_users_log_is_reported(trained: Trained) -> None:
    """Under their names, by the step that Lightning gives; hyperparameters with slashes."""
    losses = trained.told["losses"]
    assert trained.values("whole", "train_loss") == pytest.approx([losses[k] for k in (1, 3, 5, 7)])
    assert trained.steps("whole", "train_loss") == [1, 3, 5, 7]
    assert len(trained.values("whole", "val_loss")) == 2
    group = trained.group("whole")
    assert group.metric("test_loss") is not None
    assert group.parameters("lr") == ["0.1"]
    assert group.parameters("optimizer/momentum") == ["0"]
    assert group.parameters("optimizer/deep/a") == ["1"]
    assert group.parameters("sizes/hidden") == ["4"]
    assert group.parameters("blocks/0/k") == ["3"]
    assert group.parameters("best_model_path") == [trained.told["best"]]
    assert group.metric("best_model_score") == pytest.approx(
        min(trained.values("whole", "val_loss"))
    )


def test_the_logger_shows_whose_run_it_is(trained: Trained) -> None:
    """Name and version are project and run; the experiment is the Reporter that is open."""
    assert trained.told["experiment"]
    for shown, expected in (trained.told["version"], trained.told["name"]):
        assert shown == expected


def test_accumulated_batches_make_a_step(trained: Trained) -> None:
    """Four batches, three of which make a step and the last one another; losses are whole."""
    group = trained.group("accumulated")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 2
    assert group.value("reporter_samples_total") == 16
    assert trained.steps("accumulated", "loss") == [0, 1]
    alone = trained.told["losses"][0]  # the same model and data but for its weights
    assert 0 < trained.values("accumulated", "loss")[0] < 100 * alone


def test_every_kind_of_training_goes_on(trained: Trained) -> None:
    """By hand with two optimizers, without a length, with odd losses, for a moment, stopped."""
    manual = trained.group("manual")
    assert manual.value("reporter_steps_total") == 4
    assert manual.parameters("optimizer_name") == ["SGD, Adam"]
    assert (manual.metric("learning_rate"), manual.metric("learning_rate/1")) == (0.1, 0.2)
    assert manual.metric("loss") is None
    stream = trained.group("stream")
    assert stream.value("reporter_steps_total") == stream.value("reporter_run_steps") == 5
    assert stream.value("reporter_samples_total") == 18
    assert trained.group("bare").value("reporter_samples_total") == 20
    assert trained.values("bare", "batch_size") == [4]  # and not the 2 that are left at the end
    odd = trained.values("odd", "loss")
    assert [math.isnan(value) for value in odd] == [False, True, True]
    assert trained.steps("odd", "loss") == [0, 2, 3]
    assert trained.group("odd").value("reporter_nonfinite_total", metric_name="loss") == 2
    assert trained.group("quick").value("reporter_steps_total") == 1
    assert trained.group("early").value("reporter_steps_total") == 4
    assert trained.group("early").value("reporter_run_steps") == 4
    assert trained.group("early").value("reporter_run_progress_ratio") == 1
    assert len(trained.values("beside", "train_loss")) == 4
    validated = trained.group("validated")
    assert validated.value("reporter_steps_total") is None
    assert (validated.value("reporter_step_seconds_total", phase="validation") or 0) > 0


def test_a_callback_that_is_there_twice_counts_once(trained: Trained) -> None:
    """The same one again, or another one; and in a second fit it goes on."""
    assert trained.group("same").value("reporter_steps_total") == 4
    assert trained.values("same", "step") == [0, 1, 2, 3]
    assert trained.group("again").value("reporter_steps_total") == 8
    assert trained.group("again").value("reporter_run_steps") == 8


def test_steps_go_on_where_a_run_trains_again(trained: Trained) -> None:
    """With a new Trainer or the same one; a resumed one begins at its own step if that is more."""
    group = trained.group("folds")
    assert group.value("reporter_steps_total") == group.value("reporter_run_steps") == 16
    assert trained.steps("folds", "loss") == trained.values("folds", "step") == list(range(16))
    assert trained.steps("folds", "train_loss") == list(range(16))
    assert trained.steps("folds", "epoch") == [0, 4, 8, 12]
    assert trained.steps("folds", "test_loss") == [16]
    assert group.value("reporter_run_step") == 16
    assert trained.steps("resumed", "loss") == [8, 9, 10, 11, 12, 13, 14, 15]


def test_ours_are_named_as_users_know_them(trained: Trained) -> None:
    """What is no Reporter, or an argument that is none, is refused at once and by that name."""
    refused = trained.told["refused"]
    names = ("ReporterCallback", "ReporterLogger")
    for name, value, argument in zip(names, refused[::2], refused[1::2], strict=True):
        assert value == f"{name} takes a Reporter, not 'x'"
        assert argument.startswith(f"{name}.__init__()")
    assert trained.told["hook"] == "ReporterCallback.on_train_end"


@pytest.mark.parametrize(
    ("name", "caught", "state", "reason"),
    [
        ("raises", "ValueError", State.FAILED, "exception"),
        ("interrupted", "SystemExit", State.CANCELLED, "interrupt"),
        ("terminated", "SIGTERMException", State.CANCELLED, "terminated"),
        ("by itself", 1, State.CANCELLED, "interrupt"),
    ],
)
def test_the_end_is_honest(
    name: str, caught: object, state: State, reason: str, trained: Trained
) -> None:
    """Lightning turns Ctrl-C and SIGTERM into exits of its own: the run still tells what it was."""
    group = trained.group(name)
    assert trained.told[name] == caught
    assert (group.state, group.reason) == (state, reason)
    assert group.value("reporter_steps_total") == 2


def test_nothing_of_ours_is_warned_of(trained: Trained) -> None:
    """Training went well, so there is nothing to say but that a callback was there twice."""
    said = {line for line in trained.err.splitlines() if line.startswith("reporter: ")}
    assert said == {"reporter: a Trainer has more than one ReporterCallback; the first one reports"}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """The package, the oldest release and the extra."""
    for integration, module in PACKAGES.items():
        said = refusal(tmp_path, module, integration, "2.0.9")
        assert "2.1 or newer" in said
        assert "run-reporter[lightning]" in said
        assert "2.0.9 is installed" in said
    said = refusal(tmp_path, "pytorch_lightning", "pytorch_lightning")
    assert "needs pytorch_lightning 2.1 or newer" in said
    assert "run-reporter[lightning]" in said
