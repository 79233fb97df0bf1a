"""Where the time of a Trainer goes, and when it waits for data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reporter.reporter.pace import Pace
from reporter_integrations._hooks import harmless
from reporter_integrations._watch import Watch

_BEFORE_FETCH = "_on_before_fetch"  # Lightning's training loop calls it; there is no such hook


class Times:
    """Each part of training takes the time since the one before it ended."""

    __slots__ = ("_lap", "_loop", "_pace", "_starting", "turn")

    def __init__(self, pace: Pace) -> None:
        self._pace, self._lap = pace, Watch(pace).lap
        self._loop: Any = None
        self._starting = False
        self.turn: Callable[[str], None] = self._lap  # `turn(phase)`: that is what it was

    def begin_checkpoint(self) -> None:
        """No hook says when it is written: what is called next does."""
        self.turn("other")
        self.turn = self._end_checkpoint

    def _end_checkpoint(self, _phase: str) -> None:
        self.turn = self._lap
        self._pace.checkpoint()
        self._lap("checkpoint")

    def begin_epoch(self) -> None:
        self.turn("other")
        self._starting = True

    def hear_fetches(self, loop: Any) -> None:
        """Hear when it begins to wait for a batch; else `data` is all between two batches."""
        before = getattr(loop, _BEFORE_FETCH, None)
        if before is None or _BEFORE_FETCH in vars(loop):
            return

        def hear() -> None:
            self._begin_fetch()
            before()

        setattr(loop, _BEFORE_FETCH, hear)
        self._loop = loop

    def close(self) -> None:
        """It is over; Lightning is as it was."""
        self.turn("other")
        if self._loop is not None:
            vars(self._loop).pop(_BEFORE_FETCH, None)

    @harmless
    def _begin_fetch(self) -> None:
        # Before an epoch's first batch the loader starts its workers: that is to wait for data.
        self.turn("data" if self._starting else "other")
        self._starting = False
