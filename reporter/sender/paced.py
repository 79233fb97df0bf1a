"""How the training loop goes on, as the sender reads it: steps, samples, where their time went."""

from __future__ import annotations

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

_Samples = list[tuple[dict[str, str], float]]


class Paced:
    """What this attempt's loop has told, on top of what earlier attempts did."""

    def __init__(self) -> None:
        self.clock = StepClock()
        self.checkpoint_at = 0.0
        self._totals = dict.fromkeys(("steps", "samples", *PHASES), 0.0)
        self._before = dict(self._totals)
        self._done = self._expected = 0.0  # steps of the newest attempt

    def __bool__(self) -> bool:
        return any(self._totals.values()) or self.checkpoint_at > 0

    def read(self, words: Sequence[float], now: float) -> None:
        """Take what the loop has told so far."""
        counted = words[STEPS_SEEN], words[SAMPLES_SEEN]
        spent = words[SECONDS_SPENT : SECONDS_SPENT + len(PHASES)]
        for name, value in zip(self._totals, (*counted, *spent), strict=True):
            self._totals[name] = self._before[name] + value
        self._done, self._expected = counted[0], words[STEPS_EXPECTED]
        self.checkpoint_at = max(self.checkpoint_at, words[CHECKPOINT_AT])
        if counted[0] > 0:
            self.clock.saw(int(self._totals["steps"]), now)

    def told(self) -> dict[str, Any]:
        """For the record: all that a later attempt, or delivery, must know."""
        ours = {"done": self._done, "expected": self._expected}
        return {**self._totals, **ours, "checkpoint_at": self.checkpoint_at}

    def retell(self, told: Mapping[str, Any]) -> None:
        """What an attempt told when it was over."""
        for name in self._totals:
            self._totals[name] = self._before[name] = float(told.get(name) or 0.0)
        self.checkpoint_at = float(told.get("checkpoint_at") or 0.0)
        self._done = float(told.get("done") or 0.0)
        self._expected = float(told.get("expected") or 0.0)
        if self._totals["steps"] > 0:
            self.clock.saw(int(self._totals["steps"]), 0.0)

    @property
    def expected(self) -> float | None:
        """How many steps there will have been, if that is known."""
        earlier = self._totals["steps"] - self._done
        return earlier + self._expected if self._expected > 0 else None

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
