"""When batches began and ended, and where the time went: worked out apart from the batches."""

from __future__ import annotations

import math
from time import perf_counter
from typing import NamedTuple

from reporter.reporter.pace import Pace


class Batches(NamedTuple):
    """How many samples the batches of an epoch hold, as far as that is known."""

    size: int = 0  # 0: unknown
    total: int = 0  # samples of an epoch; 0: every batch is full

    def upto(self, batches: int) -> int:
        """The samples of so many batches of an epoch."""
        samples = batches * self.size
        return min(samples, self.total) if self.total else samples

    def over(self, steps: int | None) -> Batches:
        """The same for epochs of so many batches: all of the data, or a part that goes on."""
        whole = self.size and steps == math.ceil(self.total / self.size)
        return self if whole else self._replace(total=0)


class Pulse:
    """The moments of one training. For one thread at a time, but for `moments.append`.

    Batches may overlap, where Keras dispatches them asynchronously: while any of them is under
    way it is time to compute, else training waits for data. What anybody else attributes to a
    phase meanwhile, for a checkpoint say, is not attributed again.
    """

    def __init__(self, pace: Pace, batches: Batches, at_once: int, steps: int | None) -> None:
        """`at_once` batches end together; of `steps` in an epoch, where that is known."""
        self.batches = batches
        self.moments: list[float] = []  # positive: a batch began; negative: one ended
        self._pace, self._at_once, self._steps = pace, at_once, steps
        self._under_way = 0
        self._ended = self._done = 0  # in this epoch: executions, and the batches in them
        self.skip()

    def skip(self) -> None:
        """Nobody gets the time until now."""
        self._until = perf_counter()
        self._attributed = self._pace.spent_so_far

    def lap(self, phase: str) -> None:
        """The time since the last batch, or lap, went into this phase."""
        self.take()
        now = perf_counter()
        self._attribute({phase: max(0.0, now - self._until)})
        self._until = now

    def take(self) -> None:
        """Account for what the batches have left."""
        count = len(self.moments)
        if not count:
            return
        moments = self.moments[:count]
        del self.moments[:count]  # others append meanwhile
        spent = {"compute": 0.0, "data": 0.0}
        for moment in moments:
            at = abs(moment)
            if at > self._until:
                spent["compute" if self._under_way else "data"] += at - self._until
                self._until = at
            self._under_way += 1 if moment > 0 else -1
            self._ended += moment < 0
        self._attribute(spent)
        self._count()

    def epoch_over(self) -> int:
        """All of its batches have ended; how many those were."""
        self.lap("other")
        done = self._done
        self._under_way = self._ended = self._done = 0  # one may have begun that found no data
        return done

    def _count(self) -> None:
        """Each execution counts once, in whatever order they ended."""
        done, before = self._ended * self._at_once, self._done
        if self._steps:
            done = min(done, self._steps)
        if done > before:
            samples = self.batches.upto(done) - self.batches.upto(before)
            self._pace.step(samples, done - before)
            self._done = done

    def _attribute(self, seconds: dict[str, float]) -> None:
        others = self._pace.spent_so_far - self._attributed
        for phase, each in seconds.items():
            own = max(0.0, each - others)
            others -= each - own
            self._pace.spent(phase, own)
        self._attributed = self._pace.spent_so_far - max(0.0, others)
