"""How the training loop goes on, as the sender reads it: steps, samples, where their time went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reporter.board.layout import (
    CHECKPOINT_AT,
    SAMPLES_SEEN,
    SECONDS_SPENT,
    STEPS_EXPECTED,
    STEPS_SEEN,
)
from reporter.names import PHASES
from reporter.sender.newest import StepClock

_RECORDED_EVERY = 60.0

_Samples = list[tuple[dict[str, str], float]]


class Paced:
    """What this attempt's loop has told, on top of what earlier attempts did."""

    def __init__(self) -> None:
        self.clock = StepClock()
        self.checkpoint_at = 0.0
        self._totals = dict.fromkeys(("steps", "samples", *PHASES), 0.0)
        self._before = dict(self._totals)
        self._done = self._expected = 0.0  # steps of the newest attempt
        self._recorded = self.told()
        self._record_due = 0.0

    def __bool__(self) -> bool:
        return any(self._totals.values()) or self.checkpoint_at > 0

    def begin(self) -> None:
        """A new attempt: all that was told before is of earlier ones."""
        self._before = dict(self._totals)
        self._done = self._expected = 0.0
        self._recorded = self.told()
        self.clock.begin()

    def read(self, words: Sequence[float], now: float) -> None:
        """Take what the loop has told so far; a number that is none changes nothing."""
        counted = words[STEPS_SEEN], words[SAMPLES_SEEN]
        spent = words[SECONDS_SPENT : SECONDS_SPENT + len(PHASES)]
        for name, value in zip(self._totals, (*counted, *spent), strict=True):
            self._totals[name] = _finite(self._before[name] + value, self._totals[name])
        self._done = _finite(counted[0], self._done)
        self._expected = _finite(words[STEPS_EXPECTED], self._expected)
        self.checkpoint_at = max(self.checkpoint_at, _finite(words[CHECKPOINT_AT], 0.0))
        if self._done > 0:
            self.clock.saw(int(self._totals["steps"]), now)

    def told(self) -> dict[str, Any]:
        """For the record: all that a later attempt, or delivery, must know."""
        ours = {"done": self._done, "expected": self._expected}
        return {**self._totals, **ours, "checkpoint_at": self.checkpoint_at}

    def news(self, now: float, *, last: bool = False) -> dict[str, Any] | None:
        """What the record does not tell yet: at most once a minute, and when it is the last."""
        told = self.told()
        if not self or told == self._recorded or (now < self._record_due and not last):
            return None
        self._recorded, self._record_due = told, now + _RECORDED_EVERY
        return told

    def retell(self, told: Mapping[str, Any], when: float) -> None:
        """What an attempt had told by then, with all that came before it."""
        for name, known in self._totals.items():
            self._totals[name] = _finite(told.get(name), known)
        self.checkpoint_at = _finite(told.get("checkpoint_at"), self.checkpoint_at)
        self._done = _finite(told.get("done"), self._done)
        self._expected = _finite(told.get("expected"), self._expected)
        self._recorded = self.told()
        if self._totals["steps"] > 0:
            self.clock.saw(int(self._totals["steps"]), when)

    def expected(self, given: int | None) -> float | None:
        """How many steps there will have been, if that is known.

        `given` is the newest step that a report named: it may count from before this run.
        """
        if self._expected <= 0:
            return None
        to_come = self._expected - self._done
        counted = self._totals["steps"] + to_come
        return counted if given is None else max(counted, given + max(0.0, to_come))

    @property
    def share(self) -> tuple[float, float] | None:
        """How many steps of the newest attempt are done, and of how many."""
        return (self._done, self._expected) if self._expected > 0 else None

    def families(self) -> Iterator[tuple[str, _Samples]]:
        """Nothing of what no loop has told."""
        for family, name in (
            ("reporter_steps_total", "steps"),
            ("reporter_samples_total", "samples"),
        ):
            if self._totals[name]:
                yield family, [({}, self._totals[name])]
        phases = [({"phase": each}, self._totals[each]) for each in PHASES if self._totals[each]]
        yield "reporter_step_seconds_total", phases
        if self.checkpoint_at:
            yield "reporter_checkpoint_time_seconds", [({}, self.checkpoint_at)]


def _finite(found: Any, known: float) -> float:
    """What was found, if it is a number to count with."""
    try:
        number = float(found)
    except (TypeError, ValueError, OverflowError):
        return known
    return number if math.isfinite(number) else known
