"""What the scenes that Keras plays have told, and what a gateway shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained

BACKENDS = ("tensorflow", "torch", "jax")


@contextmanager
def played(backend: str, folder: Path, gateway: str, *modules: str) -> Iterator[Scenes]:
    """The scenes of these modules, on a backend; what is set for them is set meanwhile."""
    needs("keras", backend)
    wanted = {"KERAS_BACKEND": backend, "KERAS_HOME": str(folder / "home")}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in (wanted | quiet).items():
            environment.setenv(name, value)
        yield Scenes(backend, folder, gateway, modules)


class Scenes(Trained):
    """Scenes that one process played on one backend."""

    def __init__(self, backend: str, folder: Path, gateway: str, modules: tuple[str, ...]) -> None:
        self.backend = backend
        super().__init__("keras_training.py", folder, gateway, *modules)

    def __getitem__(self, name: str) -> Any:
        """What a scene told; it fails here if it failed there."""
        told = self.told[name]
        assert not (isinstance(told, dict) and "failed" in told), told["failed"]
        return told

    def seconds(self, name: str) -> dict[str, float]:
        group = self.group(name)
        phases = ("data", "compute", "validation", "checkpoint", "other")
        found = {each: group.value("reporter_step_seconds_total", phase=each) for each in phases}
        return {phase: value for phase, value in found.items() if value is not None}

    def counted(self, name: str, rank: int = 0) -> tuple[float | None, float | None]:
        """Steps and samples."""
        group = self.training.group(str(self.records[name].identity["id"]), rank)
        return group.value("reporter_steps_total"), group.value("reporter_samples_total")
