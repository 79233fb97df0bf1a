"""What models and optimizers of PyTorch tell of themselves, whichever framework drives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

_DEPTH, _WIDTH = 3, 16


def layers_of(model: Any) -> int:
    """How many modules hold no other one."""
    return sum(1 for module in model.modules() if not any(True for _ in module.children()))


def parameters_of(model: Any) -> int:
    """How many numbers are learnt, or frozen."""
    return sum(each.numel() for each in model.parameters())


def settings_of(optimizer: Any) -> dict[str, Any]:
    """Its name and what it starts with, under the names that everybody uses."""
    inner = getattr(optimizer, "optimizer", optimizer)  # Accelerate's has the real one inside
    group = optimizer.param_groups[0]
    found = {"learning_rate": group.get("lr"), "epsilon": group.get("eps")}
    plain = {name: value for name, value in found.items() if isinstance(value, (int, float))}
    return {"optimizer_name": type(inner).__name__, **plain}


def learning_rate_of(optimizer: Any) -> Any:
    """That of the first group: a number, or a tensor that is not read here; None if unknown."""
    try:
        return optimizer.param_groups[0]["lr"]
    except Exception:  # noqa: BLE001 - there is no optimizer, or one of another kind
        return None


def samples_in(batch: Any, depth: int = _DEPTH) -> int:
    """The first dimension of the first array in it; 0 where there is none."""
    if isinstance(batch, (tuple, list)):
        parts: Iterable[Any] = batch
    else:
        shape = getattr(batch, "shape", None)
        if shape is not None:
            return int(shape[0]) if len(shape) else 0
        parts = batch.values() if isinstance(batch, Mapping) else ()
    if depth:
        for part in islice(parts, _WIDTH):
            found = samples_in(part, depth - 1)
            if found:
                return found
    return 0
