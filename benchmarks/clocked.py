"""Times what a callback of ours spends in a framework's hooks, beside an empty one's."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from told import tell

_WARMING = 50  # batches that do not count


class Clock:
    """Adds up what the hooks of one callback take, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self._now = 0

    def over(self, hook: Callable[..., Any], closes: bool) -> Callable[..., Any]:
        """The same hook, timed; one of them closes the batch."""

        def timed(*given: Any, **named: Any) -> Any:
            began = perf_counter_ns()
            try:
                return hook(*given, **named)
            finally:
                self._now += perf_counter_ns() - began
                if closes:
                    self.batches.append(self._now)
                    self._now = 0

        return timed

    def told(self) -> dict[str, float]:
        """In microseconds, a batch."""
        found = sorted(self.batches[_WARMING:])
        return {
            "us": statistics.median(found) / 1000,
            "p99_us": found[int(0.99 * len(found))] / 1000,
        }


class Clocks:
    """One for ours, one for an empty callback in the same fit: what the timer takes is in both."""

    def __init__(self, hooks: Sequence[str]) -> None:
        """`hooks` are those of a batch, the last of them its last."""
        self._hooks = hooks
        self._clocks: dict[str, Clock] = {}
        self._began = perf_counter_ns()

    def over(self, name: str, callback: Any) -> Any:
        """The callback itself, with its hooks timed."""
        clock = self._clocks[name] = Clock()
        for hook in self._hooks:
            timed = clock.over(getattr(callback, hook), closes=hook == self._hooks[-1])
            setattr(callback, hook, timed)
        return callback

    def tell(self) -> None:
        """What was found, and how long a batch took in all."""
        batches = max(len(clock.batches) for clock in self._clocks.values())
        passed = perf_counter_ns() - self._began
        found = {name: clock.told() for name, clock in self._clocks.items()}
        tell(**found, batches=batches, batch_us=passed / batches / 1000)
