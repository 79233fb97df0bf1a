"""What is told to wandb, mlflow and TensorBoard arrives here too, while it is mirrored."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from reporter.names import State
from tests.integrations.frameworks import needs
from tests.runs import Command, Training
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

CHILDREN = Path(__file__).parent / "children"
# Nothing of the peers' leaves this machine.
_QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    return Training(tmp_path, pushgateway.url)


def run(training: Training, command: Command) -> Any:
    """Run it to its end; what it wrote."""
    with training.started([sys.executable, *command], **_QUIET) as process:
        out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def points(training: Training) -> dict[str, list[tuple[float, int | None]]]:
    """Values and steps of each metric in the record."""
    record = training.record()
    assert record.state is State.SUCCEEDED
    assert not any(record.dropped.values())
    found = record.points.items()
    return {name: list(zip(each.values, each.steps, strict=True)) for name, each in found}


def mirrored(training: Training, peer: str) -> list[Any]:
    return list(run(training, [CHILDREN / "mirrored.py", peer]))


def test_what_wandb_is_told_arrives_until_the_mirror_stops(training: Training) -> None:
    """Metrics with wandb's own names and steps, its configuration and tags; and wandb has them."""
    needs("wandb")
    during, after = mirrored(training, "wandb")
    assert during == after == {"loss": 1 / 3, "part": 1, "refused": True}
    assert list(training.folder.glob("wandb/offline-run-*/*.wandb"))
    group = training.ended_group()
    assert (group.metric("during-loss"), group.metric("val.acc")) == (pytest.approx(1 / 3), 0.5)
    assert group.parameters("lr") == ["0.1"]
    assert points(training) == {
        "during-loss": [(1.0, 0), (0.5, 1), (1 / 3, 2)],
        "val.acc": [(0.5, 0), (0.5, 1), (0.5, 2)],
        "part": [(1, 3)],
        "rest": [(2, 3)],
        "late": [(3, 10)],
    }
    record = training.record()
    assert record.parameters == {"lr": 0.1, "model.depth": 3, "momentum": 0.9, "batch": 16}
    assert record.tags == {"during": ""}


def test_what_mlflow_is_told_arrives_until_the_mirror_stops(training: Training) -> None:
    """Metrics once each, whichever way they take through mlflow; parameters and the user's tags."""
    needs("mlflow")
    during, after = mirrored(training, "mlflow")
    assert during == after == {"loss": [1, 0.5, 1 / 3], "refused": True}
    group = training.ended_group()
    assert (group.metric("during-loss"), group.metric("batched")) == (pytest.approx(1 / 3), 5)
    assert group.parameters("optimizer") == ["adam"]
    assert points(training) == {
        "during-loss": [(1.0, 0), (0.5, 1), (1 / 3, 2)],
        "acc": [(0, 0), (0.5, 1), (1, 2)],
        "f1": [(0.5, 0), (0.5, 1), (0.5, 2)],
        "without-step": [(7, None)],
        "by-client": [(3, 4)],
        "batched": [(5, 6)],
        "later": [(1, 3)],
    }
    record = training.record()
    expected = {"optimizer": "adam", "lr": "0.1", "layers": "[3, 3]", "batch_size": "16"}
    assert record.parameters == expected
    assert record.tags == {"begun": "during", "team": "during", "batch": "yes"}


def test_what_summary_writers_are_told_arrives_until_the_mirror_stops(training: Training) -> None:
    """Of torch's and tensorboardX's; what a validation writer is told keeps a name of its own."""
    needs("torch", "tensorboardX", "tensorboard")
    during, after = mirrored(training, "tensorboard")
    assert during == after == dict.fromkeys(("torch", "x"), pytest.approx([1, 0.5, 1 / 3]))
    group = training.ended_group()
    assert group.metric("torch-during-loss") == pytest.approx(1 / 3)
    assert group.metric("val/x-during-loss") == 0.5
    found = points(training)
    for kind in ("torch", "x"):
        assert group.parameters(f"{kind}-lr") == ["0.1"]
        loss = found.pop(f"{kind}-during-loss")
        assert [value for value, _ in loss] == pytest.approx([1, 0.5, 1 / 3])
        assert [step for _, step in loss] == [0, 1, 2]
        assert found.pop(f"val/{kind}-during-loss") == [(0.5, 0), (0.5, 1), (0.5, 2)]
        assert found.pop(f"{kind}-both/a") == [(0, 0), (1, 1), (2, 2)]
        assert found.pop(f"{kind}-both/b") == [(0, 0), (2, 1), (4, 2)]
        assert found.pop(f"{kind}-fraction") == [(1, 2)]
        assert found.pop(f"{kind}-best") == [(0.25, None)]
    assert found == {}


def test_a_script_is_mirrored_without_an_edit(training: Training) -> None:
    """`python -m reporter_integrations.mirror train.py` runs it, and its values arrive."""
    needs("wandb")
    script = [CHILDREN / "logs_to_wandb.py", "--epochs", "2"]
    (shown,) = run(training, ["-m", "reporter_integrations.mirror", *script])
    assert shown["loss"] == 0.5
    group = training.ended_group()
    assert (group.metric("unedited-loss"), group.metric("late")) == (0.5, 3)
    assert group.parameters("momentum") == ["0.9"]
