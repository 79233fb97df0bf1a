"""Trains tiny models with Accelerate, one run each, and prints what really happened."""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")  # two cores, and others on them

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

import reporter
from reporter.reporter.scope import open_reporters
from reporter_integrations.accelerate import ReporterTracker, register, unregister
from reporter_integrations.torch import ReporterLoop

told: dict[str, Any] = {}
inputs = torch.linspace(0, 1, 48).reshape(12, 4)
data = TensorDataset(inputs, inputs.sum(1, keepdim=True))
CONFIG = {
    "lr": 0.1,
    "name": "tiny",
    "amp": False,
    "nothing": None,
    "sizes": (4, 1),
    "optimizer": {"kind": "SGD", "hub_token": "never-to-be-seen"},
}


def train(tracker: Any, values: Any = None, **more: Any) -> Accelerator:
    """Three steps, and what a user logs of them; the trackers are not ended."""
    torch.manual_seed(1)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("vision", config=CONFIG, **more)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = DataLoader(data, batch_size=4)
    model, optimizer, batches = accelerator.prepare(model, optimizer, batches)
    losses, loop = [], ReporterLoop(model=model, optimizer=optimizer)
    for found, wanted in loop.steps(batches) if tracker else batches:
        loss = torch.nn.functional.mse_loss(model(found), wanted)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        step = len(losses)
        accelerator.log(values or {"loss": loss.detach(), "more": {"half": step / 2}}, step=step)
    told["losses"] = losses
    return accelerator


with reporter.Reporter(name="plain") as r:
    before = json.dumps(CONFIG)
    accelerator = train([ReporterTracker()])
    tracker = accelerator.get_tracker("reporter")
    assert accelerator.get_tracker("reporter", unwrap=True) is r
    tracker.log_images({"faces": []}, step=1)
    tracker.log_table("table", [], step=1)
    with_us = told["losses"]
    accelerator.end_training()
    r.report_metric("after", 1)  # it is still open
    told["unchanged"] = json.dumps(CONFIG) == before
train(None)
told["same"] = told["losses"] == with_us

# Nobody has opened a run: the tracker does, and ends it.
own = ReporterTracker("given")
accelerator = train(own)
told["own"] = [open_reporters[0].run_id, str(open_reporters[0].settings.project)]
pickle.loads(pickle.dumps(own)).log({"of the copy": 1})
accelerator.end_training()
assert not open_reporters
accelerator.log({"late": 1})
accelerator.trackers[0].start()  # trained anew
told["second"] = open_reporters[0].run_id
try:
    {}["of the user's own"]
except KeyError:
    accelerator.end_training()
assert not open_reporters

register()
register()
accelerator = train("reporter", init_kwargs={"reporter": {"name": "by its name"}})
told["registered"] = str(open_reporters[0].settings.project)
accelerator.end_training()
unregister()
unregister()
try:
    train("reporter")
except ValueError as error:
    told["unregistered"] = "Unsupported logging capability" in str(error)

with reporter.Reporter(name="odd"):
    tracker = ReporterTracker()
    train(tracker, {"loss": math.nan, "text": "a sample", "loss of two": torch.zeros(2)})
    tracker.log(None)  # type: ignore[arg-type] - as users may
    tracker.store_init_configuration([1])  # type: ignore[arg-type]
    with reporter.Reporter(name="inner"):
        train(ReporterTracker()).end_training()
    tracker.log({"outer": 1}, step=9)

with reporter.Reporter(name="other rank", rank=1):
    train(ReporterTracker()).end_training()

os.environ["REPORTER_INTERVAL"] = "never"
train(ReporterTracker()).end_training()
del os.environ["REPORTER_INTERVAL"]
train(ReporterTracker(interval="soon")).end_training()
sys.stdout.write(json.dumps(told) + "\n")
