"""How training goes on, told by whoever drives the loop: an integration, or a loop of one's own."""

from __future__ import annotations

import time

from reporter.board.layout import (
    CHECKPOINT_AT,
    PACE_WORDS,
    SAMPLES_SEEN,
    SECONDS_SPENT,
    STEPS_EXPECTED,
    STEPS_SEEN,
)
from reporter.names import PHASES

_PLACES = {phase: SECONDS_SPENT + k for k, phase in enumerate(PHASES)}
_OTHER = _PLACES["other"]


class Pace:
    """Steps, samples and where their time goes. Each call is a store or two, and never waits.

    For one thread at a time: what two add at the same moment may count once.
    """

    __slots__ = ("_words", "spent_so_far")

    def __init__(self, words: memoryview[float] | list[float]) -> None:
        """`words` is where the sender reads them: shared memory, or nowhere."""
        self._words = words
        self.spent_so_far = 0.0  # in all phases together: what nobody need attribute again

    def step(self, samples: float = 0, steps: int = 1) -> None:
        """Training steps are done, with this many samples in all."""
        words = self._words
        words[STEPS_SEEN] += steps
        if samples:
            words[SAMPLES_SEEN] += samples

    def spent(self, phase: str, seconds: float) -> None:
        """Time went into one of the phases: data, compute, validation, checkpoint, other."""
        self._words[_PLACES.get(phase, _OTHER)] += seconds
        self.spent_so_far += seconds

    def expect(self, steps: float) -> None:
        """So many steps are still to come, from now on."""
        self._words[STEPS_EXPECTED] = self._words[STEPS_SEEN] + max(0.0, steps)

    def checkpoint(self, seconds: float = 0.0) -> None:
        """A checkpoint has just been written, in so many seconds."""
        self._words[CHECKPOINT_AT] = time.time()
        self.spent("checkpoint", seconds)

    def detach(self) -> None:
        """In a forked child: from now on nobody reads it."""
        self._words = nowhere()


def nowhere() -> list[float]:
    """Words that no sender reads."""
    return [0.0] * PACE_WORDS
