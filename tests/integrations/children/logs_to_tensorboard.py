"""A training script as people have it, which knows TensorBoard's two writers alone."""

from __future__ import annotations

from typing import Any

import tensorboardX
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter


def train(name: str, epochs: int = 3) -> Any:
    """What the event files hold in the end."""
    found = {}
    for kind, writer in (("torch", SummaryWriter), ("x", tensorboardX.SummaryWriter)):
        folder = f"{name}/{kind}"
        training, validation = writer(folder), writer(f"{folder}/val")
        for epoch in range(epochs):
            training.add_scalar(f"{kind}-{name}-loss", torch.tensor(1 / (epoch + 1)), epoch)
            validation.add_scalar(f"{kind}-{name}-loss", 0.5, global_step=epoch)
            training.add_scalars(f"{kind}-both", {"a": epoch, "b": 2 * epoch}, epoch)
        training.add_scalar(f"{kind}-fraction", 1.0, 2.7)
        training.add_hparams({f"{kind}-lr": 0.1}, {f"{kind}-best": 0.25})
        training.add_histogram("weights", torch.zeros(3), 1)
        training.add_text("text", "0.5")
        training.close()
        validation.close()
        events = EventAccumulator(folder).Reload()
        found[kind] = [each.value for each in events.Scalars(f"{kind}-{name}-loss")]
    return found
