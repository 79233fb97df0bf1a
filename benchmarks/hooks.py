"""Times what a framework's hook spends on reporting, in a real fit."""

from __future__ import annotations

import statistics
from time import perf_counter_ns

from subject import Subject

_WARMING = 20  # batches that do not count


class Hook:
    """Reports at every other batch; the batches between show what the timer itself takes."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._reporting: list[int] = []
        self._empty: list[int] = []
        self._steps: list[int] = []
        self._last = perf_counter_ns()

    def after_batch(self, batch: int, pairs: list[tuple[str, float]]) -> None:
        began = perf_counter_ns()
        if batch % 2:
            self._subject.report_round(pairs, batch)
        ended = perf_counter_ns()
        (self._reporting if batch % 2 else self._empty).append(ended - began)
        self._steps.append(ended - self._last)
        self._last = ended

    def told(self) -> dict[str, float]:
        """In microseconds what a hook took, with and without a report, and how long a step is."""
        reporting = sorted(self._reporting[_WARMING // 2 :])
        return {
            "hook_us": statistics.median(reporting) / 1000,
            "hook_p99_us": reporting[int(0.99 * len(reporting))] / 1000,
            "empty_us": statistics.median(self._empty[_WARMING // 2 :]) / 1000,
            "step_ms": statistics.median(self._steps[_WARMING:]) / 1e6,
        }
