"""What the scenes that Keras plays have told, and what a gateway shows of them."""

from __future__ import annotations

from typing import Any

from tests.integrations.trainings import Trained


class Scenes(Trained):
    """All scenes, played by one process on one backend."""

    def __init__(self, backend: str, folder: Any, gateway: str) -> None:
        self.backend = backend
        super().__init__("keras_training.py", folder, gateway)

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
