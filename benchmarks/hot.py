"""What one call costs: every subject's loops, interleaved round by round in one process."""

from __future__ import annotations

import gc
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

SUBJECTS = ("floors", "multiprocessing_queue", "prometheus_gauge", "ours")
FLOOR = "dict store"


def load(names: tuple[str, ...] = SUBJECTS) -> list[Any]:
    """The subjects, opened. One whose package is not installed is left out with a word."""
    opened = []
    for name in names:
        try:
            module = importlib.import_module(f"subjects.{name}")
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        opened.append(module.SUBJECT())
    return opened


class Rounds:
    """The figures of all rounds. A call is set against the dict stores right before and after."""

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self.ratios: dict[str, list[float]] = {}
        self.nanoseconds: dict[str, list[float]] = {}

    def play(self, subjects: list[Any], number: int) -> None:
        """One round; each starts with another subject."""
        entries = [(each, label) for each in subjects for label in each.loops]
        start = number * 5 % len(entries)
        floor = subjects[0].loops[FLOOR]
        for subject, label in entries[start:] + entries[:start]:
            calls = int(subject.calls * self._share)
            before = _per_call(floor, subjects[0].calls // 2)
            took = _per_call(subject.loops[label], calls)
            after = _per_call(floor, subjects[0].calls // 2)
            subject.settle()
            self.nanoseconds.setdefault(label, []).append(took * 1e9)
            self.ratios.setdefault(label, []).append(2 * took / (before + after))

    def summary(self) -> dict[str, dict[str, float]]:
        return {
            label: {**_spread(ratios), "ns": round(statistics.median(self.nanoseconds[label]), 1)}
            for label, ratios in self.ratios.items()
        }

    def against(self, label: str, other: str) -> float:
        """The median, over the rounds, of one label's ratio to another's."""
        pairs = zip(self.ratios[label], self.ratios[other], strict=True)
        return statistics.median(a / b for a, b in pairs)


def measure(rounds: int, share: float) -> tuple[Rounds, dict[str, object]]:
    """Play the rounds; also what the subjects told at the end.

    A round before them is thrown away: it passes through the whole ring, whose pages are new.
    """
    subjects, notes = load(), {}
    Rounds().play(subjects, 0)
    found = Rounds(share)
    try:
        for number in range(rounds):
            found.play(subjects, number)
    finally:
        for each in reversed(subjects):
            notes.update(each.close())
    return found, notes


def _per_call(loop: Callable[[int], None], n: int) -> float:
    gc.collect(0)
    began = time.thread_time()
    loop(n)
    return (time.thread_time() - began) / n


def _spread(ratios: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    named = {"ratio": middle, "q1": low, "q3": high, "min": min(ratios), "max": max(ratios)}
    return {name: round(value, 3) for name, value in named.items()}
