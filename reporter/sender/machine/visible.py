"""Which GPUs a process sees: what CUDA makes of CUDA_VISIBLE_DEVICES."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple


class Device(NamedTuple):
    """A GPU, or an instance of one that is divided (MIG)."""

    number: int  # the GPU's, as its driver counts
    uuid: str
    handle: Any  # the driver's
    instances: tuple[Device, ...] | None = None  # of a GPU that is divided
    whole: bool = True


def sees_none(asked_for: str | None) -> bool:
    """Whether there is nothing to ask a driver for: empty, -1 and the like."""
    return asked_for is not None and not re.match(r"\s*(\d|GPU-|MIG-)", asked_for)


def visible(asked_for: str | None, gpus: Sequence[Device]) -> list[Device]:
    """What a process of these sees that is told so; None: it is told nothing, and sees them all.

    Of a GPU that is divided it sees the first instance, and beside an instance nothing else.
    """
    chosen = list(gpus) if asked_for is None else _chosen(asked_for, gpus)
    seen: list[Device] = []
    for each in chosen:
        seen += [each] if each.instances is None else each.instances[:1]
    return [each for each in seen if not each.whole][:1] or seen


def _chosen(words: str, gpus: Sequence[Device]) -> list[Device]:
    """The list ends where a word names nothing; whoever names one twice gets none at all."""
    chosen: list[Device] = []
    for word in words.split(","):
        found = _named(word.strip(), gpus)
        if found is None:
            break
        if found in chosen:
            return []
        chosen.append(found)
    return chosen


def _named(word: str, gpus: Sequence[Device]) -> Device | None:
    """By place, or by as much of its UUID as no other one has."""
    if place := re.match(r"\d+", word):
        number = int(place[0])
        return gpus[number] if number < len(gpus) else None
    every = [each for gpu in gpus for each in (gpu, *(gpu.instances or ()))]
    found = [each for each in every if each.uuid.startswith(word)]
    named = word.startswith(("GPU-", "MIG-")) and len(found) == 1
    return found[0] if named else None
