"""Rounds over loops of calls: each loop between two loops of dict stores, in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from subject import Subject

_FLOOR_CALLS = 50_000


@dataclass(frozen=True)
class Entry:
    """One loop of a subject."""

    subject: Subject
    label: str
    calls: int


@dataclass
class Rounds:
    """What every round found, by label: seconds a call, and the ratio to the dict stores."""

    entries: list[Entry]
    floor: Subject
    found: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def play(self, number: int) -> None:
        """One round; each starts with another loop."""
        start = number * 5 % len(self.entries)
        for entry in self.entries[start:] + self.entries[:start]:
            floor = self.floor.loops[self.floor.label]
            before = _per_call(floor, _FLOOR_CALLS)
            took = _per_call(entry.subject.loops[entry.label], entry.calls)
            entry.subject.settle()
            after = _per_call(floor, _FLOOR_CALLS)
            self._keep(entry.label, before, took, after)

    def _keep(self, label: str, before: Times, took: Times, after: Times) -> None:
        kept = self.found.setdefault(label, {})
        for clock in ("wall", "cpu"):
            kept.setdefault(f"{clock} ns", []).append(took[clock] * 1e9)
            ratio = 2 * took[clock] / (before[clock] + after[clock])
            kept.setdefault(clock, []).append(ratio)


Times = dict[str, float]


def entries(subjects: list[Subject], share: float, labels: set[str] | None = None) -> list[Entry]:
    """The loops of all subjects, or those of some labels."""
    return [
        Entry(each, label, max(1, int(each.calls * share)))
        for each in subjects
        for label in each.loops
        if labels is None or label in labels
    ]


def _per_call(loop: Callable[[int], None], n: int) -> Times:
    """Of one call: the time that passed, and the processor time of the calling thread."""
    gc.collect(0)
    wall, cpu = time.perf_counter(), time.thread_time()
    loop(n)
    return {
        "cpu": (time.thread_time() - cpu) / n,
        "wall": (time.perf_counter() - wall) / n,
    }
