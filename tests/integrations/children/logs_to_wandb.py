"""A training script as people have it, which knows wandb alone."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import wandb


def train(name: str, epochs: int = 3) -> Any:
    """What wandb itself shows in the end."""
    with wandb.init(
        project="digits", config={"lr": 0.1, "model": {"depth": 3}}, tags=[name]
    ) as run:
        log, logged = wandb.log, {"val": {"acc": 0.5}}
        for epoch in range(epochs):
            wandb.log({f"{name}-loss": 1 / (epoch + 1), **logged})
        run.log({"part": 1}, commit=False)
        log({"rest": 2})
        run.log({"late": 3}, step=10)
        run.log({"picture": wandb.Histogram([1, 2, 3]), "text": "0.5", "nothing": None})
        wandb.config.update({"momentum": 0.9})
        wandb.config.batch = 16
        assert logged == {"val": {"acc": 0.5}}
        refused = False
        try:
            run.log("no dictionary")  # type: ignore[arg-type]
        except TypeError:
            refused = True
        return {
            "loss": run.summary[f"{name}-loss"],
            "part": run.summary["part"],
            "refused": refused,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    sys.stdout.write(json.dumps([train("unedited", parser.parse_args().epochs)]))
