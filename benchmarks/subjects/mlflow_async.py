"""MLflow with its file store, calls handed to its threads (`synchronous=False`)."""

from __future__ import annotations

from subjects.mlflow_sync import MlflowSync


class MlflowAsync(MlflowSync):
    label = "mlflow, asynchronous"
    synchronous = False


SUBJECT = MlflowAsync
