"""MLflow with its file store: each call writes to a file before it returns."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}

import mlflow
from subject import Place, Subject


class MlflowSync(Subject):
    label = "mlflow"
    note = "file store"
    packages = ("mlflow-skinny",)
    calls = 50
    synchronous = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        mlflow.set_tracking_uri(Path(place.folder, "mlruns").as_uri())
        mlflow.start_run()

    def report(self, name: str, value: float) -> None:
        mlflow.log_metric(name, value, synchronous=self.synchronous)

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:
        mlflow.log_metrics(dict(pairs), step=step, synchronous=self.synchronous)

    def leave(self) -> None:
        mlflow.flush_async_logging()
        mlflow.end_run()

    @classmethod
    def arrived(cls, place: Place) -> int:
        """A line of a metric's file is a report."""
        files = Path(place.folder).glob("mlruns/*/*/metrics/*")
        return sum(len(file.read_bytes().splitlines()) for file in files)


SUBJECT = MlflowSync
