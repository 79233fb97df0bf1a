"""Sends rare messages in order; where there is no room yet, keeps the newest of each name."""

from __future__ import annotations

import threading
from collections import deque

from reporter.board import messages
from reporter.board.layout import MESSAGES_LOST, Memory

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

_LATEST_COUNTS = ("parameter", "tag", "stage")
_MOST_WAITING = 10_000


class Outbox:
    """For any thread, and for a signal handler or a finalizer that comes in between."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lock = threading.RLock()
        self._busy = False
        self._parked: deque[dict[str, Any]] = deque()
        self._waiting: dict[tuple[str, str | None], bytes] = {}

    def put(self, message: dict[str, Any]) -> bool:
        """Send it, or keep it for later; False if it is lost, which is counted."""
        with self._lock:
            if self._busy:  # a call within a call: a message must not land within another
                self._parked.append(message)
                return True
            self._busy = True
            try:
                kept = self._put(message)
                self._put_parked()
            finally:
                self._busy = False
        return kept

    def emptied(self) -> bool:
        """Send what waits; whether nothing does any more."""
        with self._lock:
            if self._busy:
                return False
            self._busy = True
            try:
                self._send_waiting()
                self._put_parked()
            finally:
                self._busy = False
            return not self._waiting

    def give_up(self) -> None:
        """Count what waits as lost."""
        with self._lock:
            self._memory.words[MESSAGES_LOST] += len(self._waiting)
            self._waiting.clear()

    def detach(self) -> None:
        """In a forked child: no lock that the parent held, nothing to send."""
        self._lock = threading.RLock()
        self._waiting.clear()
        self._parked.clear()

    def _put(self, message: dict[str, Any]) -> bool:
        raw = messages.encode(message)
        if raw is not None:
            if self._send_waiting() and messages.send_encoded(self._memory, raw):
                return True
            if message["e"] in _LATEST_COUNTS and len(self._waiting) < _MOST_WAITING:
                self._waiting[message["e"], message["name"]] = raw
                return True
        self._memory.words[MESSAGES_LOST] += 1
        return False

    def _put_parked(self) -> None:
        while self._parked:
            self._put(self._parked.popleft())

    def _send_waiting(self) -> bool:
        while self._waiting:
            oldest = next(iter(self._waiting))  # thousands may wait: no copy of them at each call
            if not messages.send_encoded(self._memory, self._waiting[oldest]):
                return False
            del self._waiting[oldest]
        return True
