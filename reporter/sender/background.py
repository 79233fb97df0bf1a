"""The sender's threads: starting one never waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

_BORN_WITHIN = 10.0


class Background(threading.Thread):
    """Runs a call beside the sender's turns.

    Where there is no memory left, a thread can die before it runs. `threading` would wait for it
    for ever; here that is the RuntimeError which a machine raises that gives no thread at all.
    """

    def __init__(self, call: Callable[[], object], name: str) -> None:
        super().__init__(target=call, name=name, daemon=True)
        self._started = _Birth()  # what `start` waits for

    def start(self) -> None:
        super().start()
        if not self._started.is_set():
            raise RuntimeError("no memory for a thread")


class _Birth(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        # The second time for a process that was stopped, and its thread with it.
        return super().wait(_BORN_WITHIN) or super().wait(1.0)
