"""The newest value and step of every metric, and what can be learnt from how they move."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import compress

_LEARNING_RATE = 0.2


class StepClock:
    """The newest step of the run, when it last moved, and how long one takes."""

    def __init__(self) -> None:
        self.step: int | None = None  # the largest
        self.moved_at: float | None = None
        self.interval: float | None = None
        self._newest: int | None = None
        self._grew_at: float | None = None  # within this attempt

    def begin(self) -> None:
        """A new attempt: the time since the one before is no step's, and no standstill."""
        self.interval = self._grew_at = self.moved_at = None

    def saw(self, step: int, now: float) -> None:
        """Reports named steps up to this one. The run's step never falls, though a loop's may."""
        if step != self._newest:
            self._newest, self.moved_at = step, now
        if self.step is not None and step <= self.step:
            return  # an epoch, say, or a loop that was resumed: it tells nothing of the pace
        if self.step is not None and self._grew_at is not None:
            self._learn((now - self._grew_at) / (step - self.step))
        self.step, self._grew_at = step, now

    def _learn(self, seconds: float) -> None:
        if seconds <= 0:
            return
        old = self.interval
        self.interval = seconds if old is None else old + _LEARNING_RATE * (seconds - old)


class NewestValues:
    """By the name that the user gave; bounded by the number of names."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.nonfinite: dict[str, int] = {}
        self.clock = StepClock()

    def take(
        self,
        tags: Sequence[int],
        values: Sequence[float],
        steps: Sequence[int],
        names: Mapping[int, str],
        now: float,
    ) -> dict[int, int]:
        """Points in their order. Returns where in it each metric's newest one lies."""
        last = _last_of_each(tags)
        for tag, k in last.items():
            if tag in names:
                self.values[names[tag]] = values[k]
        if min(tags, default=0) < 0:
            self.clock.saw(max(compress(steps, map((0).__gt__, tags))), now)
        if not math.isfinite(sum(values)):  # cheap, and right whenever it says "finite"
            self._count_nonfinite(tags, values, names)
        return last

    def set(self, name: str, value: float, step: int | None, now: float) -> None:
        """One value that is known to be the newest."""
        if not math.isfinite(value) and not _same(self.values.get(name), value):
            self.nonfinite[name] = self.nonfinite.get(name, 0) + 1
        self.values[name] = value
        if step is not None:
            self.clock.saw(step, now)

    def _count_nonfinite(
        self, tags: Sequence[int], values: Sequence[float], names: Mapping[int, str]
    ) -> None:
        for tag, value in zip(tags, values, strict=True):
            name = names.get(abs(tag))
            if name is not None and not math.isfinite(value):
                self.nonfinite[name] = self.nonfinite.get(name, 0) + 1


def _last_signed(tags: Sequence[int]) -> dict[int, int]:
    return dict(zip(tags, range(len(tags)), strict=True))


def _last_of_each(tags: Sequence[int]) -> dict[int, int]:
    last: dict[int, int] = {}
    for tag, k in _last_signed(tags).items():
        metric = abs(tag)
        last[metric] = max(k, last.get(metric, -1))
    return last


def _same(a: float | None, b: float) -> bool:
    return a is not None and (a == b or (math.isnan(a) and math.isnan(b)))
