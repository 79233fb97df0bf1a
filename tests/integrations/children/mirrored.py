"""Lets a script that knows a peer alone train within a mirror, and once more after it."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any

import reporter
from reporter_integrations.mirror import mirror

_FUNCTIONS = {
    "wandb": ("wandb:init", "wandb.sdk.wandb_run:Run._log", "wandb.sdk.wandb_config:Config.update"),
    "mlflow": ("mlflow:log_metric", "mlflow:log_metrics", "mlflow:MlflowClient.log_batch"),
    "tensorboard": (
        "torch.utils.tensorboard:SummaryWriter.add_scalar",
        "tensorboardX:SummaryWriter.add_scalar",
    ),
}


def functions(peer: str) -> list[Any]:
    found = []
    for place in _FUNCTIONS[peer]:
        module, names = place.split(":")
        owner: Any = sys.modules[module]
        for name in names.split("."):
            owner = inspect.getattr_static(owner, name)
        found.append(owner)
    return found


def main(peer: str) -> None:
    if peer == "tensorboard":  # torch's writer can do without, and saves 20 s
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    with reporter.Reporter():
        with mirror(peer):
            assert peer not in sys.modules  # it is not the mirror that imports it
            script = importlib.import_module(f"logs_to_{peer}")
            told = [script.train("during")]
            within = functions(peer)
        told.append(script.train("after"))
        after = functions(peer)
        with mirror(peer):
            again = functions(peer)
    originals = [inspect.unwrap(each, stop=lambda each: each in after) for each in within]
    assert after == functions(peer) == originals
    assert not [each for each in (*within, *again) if each in after]
    sys.stdout.write(json.dumps(told))


main(sys.argv[1])
