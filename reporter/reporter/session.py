"""The machinery of one open run on the trainer's side: shared memory, writer, sender process."""

from __future__ import annotations

import os
import threading
import time
import weakref

from reporter.board import layout, messages
from reporter.board.newest import Newest
from reporter.board.ring import Ring
from reporter.board.writer import cut_name
from reporter.reporter.notices import say
from reporter.reporter.outbox import Outbox
from reporter.reporter.pace import Pace, nowhere
from reporter.reporter.standing import UNKNOWN, farewell, outage
from reporter.sender.process import SenderProcess

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reporter.reporter.opening import Opening
    from reporter.settings import Settings

_LONGEST_NAP = 0.01
_HANDED_WITHIN = 2.0


class Session:
    """From entering to leaving. Nothing here raises for a reason outside its arguments."""

    live = True

    def __init__(self, settings: Settings, opening: Opening) -> None:
        self.run_id, self.rank = opening.run_id, opening.rank
        self._settings = settings
        self._memory = layout.create(settings.points)
        self._writer = (Ring if settings.points else Newest)(
            self._memory, strict=settings.strict, tend=self._tend, warn=say
        )
        self.report_metric: Callable[..., None] = self._writer.report_metric
        self.metric = self._writer.metric
        self._lock = threading.RLock()
        self._in_trouble = False
        self._outbox = Outbox(self._memory)
        self.pace = Pace(self._memory.floats)
        self._process = SenderProcess(self._memory, opening.brief, opening.events)
        if not self._process.start():
            say(f"the sender could not be started ({self._process.problem});"
                " training goes on, and is not reported")  # fmt: skip
        _sessions.add(self)

    def tell(self, kind: str, name: str | None, /, **fields: Any) -> bool:
        """Something rare. False if it is lost: too long, too late, or no room for it."""
        if self._writer.late():
            return False
        if name is not None and (kept := cut_name(name)) != name:
            self._memory.words[layout.NAMES_CUT] += 1
            name = kept
        sent = self._outbox.put({**fields, "e": kind, "t": time.time(), "name": name})
        self._writer.look()
        self._tend()
        return sent

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
        if not self._process.alive() or not _wait(self._handed_out, timeout):
            return False
        with self._lock:
            words = self._memory.words
            asked = words[layout.FLUSH_ASKED] = words[layout.FLUSH_ASKED] + 1
        return _wait(lambda: words[layout.FLUSHED] >= asked, until - time.monotonic())

    def end(self, state: int, reason: str, detail: str, *, sure: bool = True) -> None:
        """Say how the run ended and wait for its delivery, at most the exit timeout.

        Not `sure`: a wrapper knows better, once this process is over; all else is delivered now.
        """
        if not self.live or self._writer.ended:
            return
        until, flushed = time.monotonic() + self._settings.exit_timeout, False
        try:
            self._start_if_dead()
            flushed = not sure and self.flush(self._settings.exit_timeout)
            half = self._settings.exit_timeout / 2
            _wait(self._handed_out, min(half, until - time.monotonic()))
        finally:
            # Whatever interrupts the wait, the run has ended, and how.
            end = {"state": state, "reason": reason, "detail": detail[:300]}
            ours = self._say_end(end if sure else {**end, "unsure": True})
        if not ours:
            return
        try:
            if sure:
                self._await_delivery(until)
        finally:
            self._let_go(flushed)

    def tend(self) -> None:
        """Give a dead sender a successor, and say what stays wrong."""
        self._tend()

    def hand_over(self) -> None:
        """End without an end: another Reporter goes on with this run, and our sender leaves."""
        _wait(lambda: self._writer.look(waits=True), _HANDED_WITHIN)
        self._say_end({"handed": True})
        if not _wait(lambda: not self._process.alive(), _HANDED_WITHIN):
            self._process.kill()  # a disk that hangs: the other one must have the record
        self._writer.let_go()
        self._process.let_go()

    def _handed_out(self) -> bool:
        """Whether the sender can see all that was reported. Only those that wait ask this."""
        read = self._writer.look(waits=True)
        return self._outbox.emptied() and read

    def _await_delivery(self, until: float) -> None:
        _wait(self._over, until - time.monotonic())
        left = until - time.monotonic()
        if not self._delivered and left > 0 and self._start_if_dead():  # it died just now
            _wait(self._over, left)

    def _start_if_dead(self) -> bool:
        with self._lock:  # another thread may be at it, and two senders would share one memory
            return not self._process.alive() and self._process.start()

    def _let_go(self, flushed: bool) -> None:
        self._writer.let_go()
        self.pace.detach()
        self._process.let_go()
        over = flushed or self._delivered
        for line in farewell(self.run_id, self._settings, self.status(), over):
            say(line)

    def _say_end(self, end: dict[str, Any]) -> bool:
        with self._lock:
            if self._writer.ended:  # another thread was faster
                return False
            self._writer.stop()
            self._outbox.give_up()
            messages.write_end(self._memory, end)
        return True

    def status(self) -> dict[str, Any]:
        """How the sender stands."""
        status = {**UNKNOWN, **messages.read_status(self._memory)}
        status["sender"] = self._process.pid if self._process.alive() else None
        return status

    def detach(self) -> None:
        """In a forked child: from now on every call does nothing."""
        self.live = False
        self._lock = threading.RLock()
        self._outbox.detach()
        self._writer.detach()
        self.pace.detach()
        self._process.detach()

    def _tend(self) -> None:
        """At a slow call: say what stays wrong, and give a dead sender a successor."""
        if not self.live or self._writer.ended:
            return
        trouble = bool(self._memory.words[layout.TROUBLE])
        if trouble and not self._in_trouble:  # once, however the answers change meanwhile
            say(outage(self.status()))
        self._in_trouble = trouble
        if not self._process.alive() and self._lock.acquire(blocking=False):
            try:
                if self._process.restart_if_dead():
                    say(f"the sender of run {self.run_id} had died; a new one took over")
            finally:
                self._lock.release()

    @property
    def _delivered(self) -> bool:
        return self._memory.words[layout.PHASE] == layout.PHASE_DELIVERED

    def _over(self) -> bool:
        return self._delivered or not self._process.alive()


class Inert:
    """What stands in for a session where there is none: every call does nothing."""

    live = False
    run_id, rank = "", 0

    def __init__(self, notice: str | None = None) -> None:
        self._notice = notice
        self.pace = Pace(nowhere())

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

    def end(self, state: int, reason: str, detail: str, *, sure: bool = True) -> None:
        pass

    def status(self) -> dict[str, Any]:
        return dict(UNKNOWN)

    def _mention(self) -> None:
        if self._notice:
            say(self._notice)


# Also those that are over: a copy must not count its late reports with its parent's.
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
