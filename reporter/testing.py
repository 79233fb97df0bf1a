"""For tests of your own training code: the pytest fixture `reported`.

It runs the real Reporter and its sender, offline and into a temporary folder, and reads the
record back. Nothing is faked, so what it shows is what would have been reported.

    def test_training_reports_its_loss(reported):
        train(epochs=2)
        assert reported.metrics["loss"][-1] < 0.5
        assert reported.parameters["lr"] == 0.1
        assert reported.state is reporter.State.SUCCEEDED
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from reporter.names import State
from reporter.record.load import RunRecord, find_records, load
from reporter.reporter.scope import open_reporters

_FLUSH_TIMEOUT = 10.0


class Reported:
    """What has been reported since the test began. Each property reads the record anew."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @property
    def runs(self) -> list[RunRecord]:
        """The records of all runs and ranks, the oldest run first."""
        for each in list(open_reporters):
            if not each.flush(_FLUSH_TIMEOUT):
                raise TimeoutError(f"{each!r} did not record its reports in {_FLUSH_TIMEOUT:g} s")
        found = [load(folder) for folder in find_records(self.folder)]
        return sorted(found, key=lambda record: record.start_time or 0.0)

    @property
    def run(self) -> RunRecord:
        """The newest run: everything that is known of it."""
        runs = self.runs
        if not runs:
            raise AssertionError("no run was reported: was a Reporter entered?")
        return runs[-1]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """Every value of every metric, in order; the newest one only where points are off."""
        run = self.run
        values = {name: list(points.values) for name, points in run.points.items()}
        newest = {name: [value] for name, (value, _step) in run.newest.items()}
        return {**newest, **values}

    @property
    def steps(self) -> dict[str, list[int | None]]:
        """The step of each value in `metrics`; None where none was given."""
        return {name: points.steps for name, points in self.run.points.items()}

    @property
    def parameters(self) -> dict[str, Any]:
        return self.run.parameters

    @property
    def tags(self) -> dict[str, str]:
        return self.run.tags

    @property
    def stages(self) -> list[str]:
        """The stages entered, in order."""
        return [name for _time, name in self.run.stages if name is not None]

    @property
    def milestones(self) -> list[str]:
        return [name for _time, name in self.run.milestones]

    @property
    def state(self) -> State:
        """RUNNING until the run's scope is left."""
        return self.run.state


@pytest.fixture
def reported(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Reported]:
    """Record what the code under test reports, and nothing anywhere else."""
    folder = os.path.join(tmp_path, "reporter_runs")
    for variable in [name for name in os.environ if name.startswith("REPORTER_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("REPORTER_MODE", "offline")
    monkeypatch.setenv("REPORTER_DIR", folder)
    opened_before = list(open_reporters)
    yield Reported(folder)
    for each in reversed([each for each in open_reporters if each not in opened_before]):
        each.finish()
