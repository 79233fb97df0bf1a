"""A training script as people have it, which knows mlflow alone."""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow import log_metrics
from mlflow.entities import Metric, Param, RunTag


def train(name: str, epochs: int = 3) -> Any:
    """What mlflow itself holds in the end."""
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    client = mlflow.MlflowClient()
    with mlflow.start_run(tags={"begun": name}) as run:
        assert mlflow.log_param("optimizer", "adam") == "adam"
        mlflow.log_params({"lr": 0.1, "layers": [3, 3]})
        mlflow.set_tag("team", name)
        for epoch in range(epochs):
            mlflow.log_metric(f"{name}-loss", 1 / (epoch + 1), step=epoch)
            log_metrics({"acc": epoch / 2, "f1": 0.5}, step=epoch)
        mlflow.log_metric("without-step", 7)
        client.log_metric(run.info.run_id, "by-client", 3, step=4)
        client.log_batch(
            run.info.run_id,
            [Metric("batched", 5.0, 0, 6)],
            [Param("batch_size", "16")],
            [RunTag("batch", "yes")],
        )
        mlflow.log_metric("later", 1.0, step=3, synchronous=False).wait()
        refused = False
        try:
            mlflow.log_metric("refused", "no number")
        except mlflow.MlflowException:
            refused = True
    kept = client.get_metric_history(run.info.run_id, f"{name}-loss")
    return {"loss": [each.value for each in kept], "refused": refused}
