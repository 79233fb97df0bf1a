"""What the runs of the demo tell, whether they are played now or were played in the past."""

from __future__ import annotations

import math
from typing import NamedTuple

PROJECT = "vision"
PARAMETERS = {
    "optimizer_name": "AdamW",
    "loss_method": "cross entropy",
    "weight_decay": 0.05,
    "precision": "bf16",
    "seed": 7,
}
TAGS = {"team": "vision", "dataset": "imagenet"}
LAYERS = 50
FRAMEWORK = ("torch", "2.9")
SLOWER = 1.3  # rank 1 takes so much longer than rank 0: the straggler


class Part(NamedTuple):
    """What one run does otherwise than the others."""

    name: str
    rate: float
    batch: int
    waiting: float  # the share of a step that goes into waiting for data
    ranks: int = 1


PARTS = {
    "running": Part("baseline", 3e-4, 256, 0.15, ranks=2),
    "failed": Part("high-learning-rate", 3e-3, 256, 0.15),
    "stalled": Part("large-batch", 3e-4, 1024, 0.40),
    "finished": Part("low-learning-rate", 1e-4, 256, 0.10),
    "lost": Part("on-a-spot-machine", 3e-4, 256, 0.15),
}


def parameters(part: Part) -> dict[str, object]:
    """Some are the same in every run, some differ."""
    return {**PARAMETERS, "learning_rate": part.rate, "batch_size": part.batch}


def learnt(part: Part, step: int, share: float) -> dict[str, float]:
    """What each step reports. `share`: how much of the training is done."""
    loss = _loss(part, step, share)
    decayed = part.rate * (1 + math.cos(math.pi * min(1.0, share))) / 2
    metrics = {"loss": loss, "accuracy": 1 - loss / 3, "grad_norm": 1 + loss / 2}
    return {**metrics, "learning_rate": decayed}


def validated(part: Part, step: int, share: float) -> dict[str, float]:
    """What the validation reports."""
    loss = _loss(part, step, share)
    return {"val_loss": loss * 1.1, "val_accuracy": 0.95 - loss / 3}


def _loss(part: Part, step: int, share: float) -> float:
    fall = math.exp(-share * (4 + 4 * (part.rate / 3e-4) ** 0.5))
    wobble = 0.06 * math.sin(step * 1.7) + 0.04 * math.sin(step * 0.13)
    best = 0.4 + 0.1 * abs(math.log10(part.rate / 3e-4))
    return best + 2.2 * fall + wobble * (0.2 + fall)
