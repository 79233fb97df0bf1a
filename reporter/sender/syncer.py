"""Brings the record onto the disk once a second, in a thread: a slow disk must not hold us up."""

from __future__ import annotations

import time
from collections.abc import Callable

from reporter.sender.background import Background

_EVERY = 1.0


class Syncer:
    """Runs `sync` again and again, never twice at once."""

    def __init__(self, sync: Callable[[], object]) -> None:
        self._sync = sync
        self._due = 0.0
        self._owed = False
        self._thread: Background | None = None

    @property
    def busy(self) -> bool:
        """Whether a sync runs, or has yet to run because it was asked for."""
        return self._owed or self._runs()

    def soon(self) -> None:
        """The next one is due once none is running."""
        self._due, self._owed = 0.0, True

    def turn(self) -> None:
        """Start a sync if it is time and none is running."""
        now = time.monotonic()
        if now < self._due or self._runs():
            return
        self._due, self._owed = now + _EVERY, False
        self._thread = Background(self._sync, "sync")
        try:
            self._thread.start()
        except RuntimeError:  # the machine lets us have no more threads
            self._sync()

    def _runs(self) -> bool:
        return self._thread is not None and self._thread.is_alive()
