"""The machinery of one open run on the trainer's side: shared memory, writer, sender process."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from reporter.board import layout, messages
from reporter.board.newest import Newest
from reporter.board.ring import Ring
from reporter.reporter.notices import say
from reporter.sender.process import SenderProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reporter.reporter.opening import Opening
    from reporter.settings import Settings

_LONGEST_NAP = 0.01
_MOST_PENDING = 10_000
_LATEST_COUNTS = ("parameter", "tag", "stage")


class Session:
    """From entering to leaving. Nothing here raises for a reason outside its arguments."""

    live = True

    def __init__(self, settings: Settings, opening: Opening) -> None:
        self.run_id = opening.run_id
        self._settings = settings
        self._memory = layout.create(settings.points)
        self._writer = (Ring if settings.points else Newest)(
            self._memory, strict=settings.strict, tend=self._tend, warn=say
        )
        self.report_metric: Callable[..., None] = self._writer.report_metric
        self.metric = self._writer.metric
        self._lock = threading.RLock()
        self._pending: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._process = SenderProcess(self._memory, opening.brief, opening.events)
        if not self._process.start():
            say(f"the sender could not be started ({self._process.problem});"
                " training goes on, and is not reported")  # fmt: skip
        _sessions.add(self)

    def tell(self, kind: str, name: str | None, /, **fields: Any) -> None:
        """Something rare: the newest of a kind and name is never lost to a full area."""
        if self._writer.late():
            return
        message = {**fields, "e": kind, "t": time.time(), "name": name}
        with self._lock:
            waits = not self._send_pending() or not messages.send(self._memory, message)
            if waits and kind in _LATEST_COUNTS and len(self._pending) < _MOST_PENDING:
                self._pending[kind, name] = message
            elif waits:
                self._memory.words[layout.MESSAGES_LOST] += 1
        self._tend()

    def progress(self, done: float, total: float) -> None:
        """How far the run is, in any unit."""
        if self.live and not self._writer.ended:
            self._memory.floats[layout.PROGRESS_DONE] = done
            self._memory.floats[layout.PROGRESS_TOTAL] = total

    def flush(self, timeout: float) -> bool:
        """Wait until everything reported is recorded, and on the gateway if there is one."""
        if not self.live:
            return False
        self._tend()
        until = time.monotonic() + timeout
        if not _wait(self._pending_sent, timeout):
            return False
        with self._lock:
            words = self._memory.words
            asked = words[layout.FLUSH_ASKED] = words[layout.FLUSH_ASKED] + 1
        return _wait(lambda: words[layout.FLUSHED] >= asked, until - time.monotonic())

    def end(self, state: int, reason: str, detail: str) -> bool:
        """Say how the run ended and wait for its delivery, at most the exit timeout."""
        until = time.monotonic() + self._settings.exit_timeout
        if self._pending and self.live and not self._writer.ended:
            if not self._process.alive():
                self._process.start()
            _wait(self._pending_sent, self._settings.exit_timeout / 2)
        with self._lock:
            if not self.live or self._writer.ended:
                return True
            self._writer.stop()
            end = {"state": state, "reason": reason, "detail": detail[:300]}
            messages.write_end(self._memory, end)
        try:
            if not self._process.alive():
                self._process.start()
            _wait(self._over, until - time.monotonic())
        finally:
            self._process.let_go()
        delivered = self._memory.words[layout.PHASE] == layout.PHASE_DELIVERED
        if not delivered:
            self._say_what_is_undelivered()
        return delivered

    def status(self) -> dict[str, Any]:
        """How the sender stands."""
        status = messages.read_status(self._memory)
        status["sender"] = self._process.pid if self._process.alive() else None
        return status

    def detach(self) -> None:
        """In a forked child: from now on every call does nothing."""
        self.live = False
        self._lock = threading.RLock()
        self._writer.detach()
        self._process.close_descriptors()

    def _send_pending(self) -> bool:
        for key in list(self._pending):
            if not messages.send(self._memory, self._pending[key]):
                return False
            del self._pending[key]
        return True

    def _pending_sent(self) -> bool:
        with self._lock:
            return self._send_pending()

    def _tend(self) -> None:
        """At a slow call: a sender that died gets a successor for the same memory."""
        if not self.live or self._process.alive() or self._writer.ended:
            return
        if self._lock.acquire(blocking=False):
            try:
                if self._process.restart_if_dead():
                    say(f"the sender of run {self.run_id} had died; a new one took over")
            finally:
                self._lock.release()

    def _over(self) -> bool:
        phase = self._memory.words[layout.PHASE]
        return phase == layout.PHASE_DELIVERED or not self._process.alive()

    def _say_what_is_undelivered(self) -> None:
        status = messages.read_status(self._memory)
        online = self._settings.mode == "online"
        where = (online and self._settings.gateway) or "the record"
        problem = status.get("problem") or "no answer yet"
        say(f"run {self.run_id} has not reached {where} within"
            f" {self._settings.exit_timeout:g} s ({problem}); its sender tries for 10 s more,"
            " then `reporter push` delivers it")  # fmt: skip


class Inert:
    """What stands in for a session where there is none: every call does nothing."""

    live = False
    run_id = ""

    def __init__(self, notice: str | None = None) -> None:
        self._notice = notice

    def report_metric(self, name: str, value: Any, step: int | None = None) -> None:
        self._mention()

    def metric(self, name: str) -> Callable[..., None]:
        self._mention()
        return lambda value, step=None: None

    def tell(self, kind: str, name: str | None, /, **fields: Any) -> None:
        self._mention()

    def progress(self, done: float, total: float) -> None:
        self._mention()

    def flush(self, timeout: float) -> bool:
        return True

    def end(self, state: int, reason: str, detail: str) -> bool:
        return True

    def status(self) -> dict[str, Any]:
        return {}

    def _mention(self) -> None:
        if self._notice:
            say(self._notice)


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _wait(done: Callable[[], bool], timeout: float) -> bool:
    until, nap = time.monotonic() + timeout, 0.0005
    while not done():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(nap, left))
        nap = min(nap * 2, _LONGEST_NAP)
    return True


def _detach_copies() -> None:
    for session in list(_sessions):
        session.detach()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_copies)
