"""Where Reporters below take the run, and their senders learn how the trainer ended."""

from __future__ import annotations

import hmac
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from reporter.run.identity import start_of_parent
from reporter.run.wrapper import LONGEST, launch_started
from reporter.sender.background import Background
from reporter.settings.local_hub import start_ticks

_CREDENTIALS = struct.Struct("3i")  # process, user and group of the other side
_SPEAKS_WITHIN = 1.0
_MOST_SILENT = 64
_MOST_LINES = 10_000
_PAUSE = 0.1


@dataclass(slots=True)
class SenderLine:
    """A sender that is there until its line is closed."""

    line: socket.socket
    user: int
    trainer: int
    rank: int
    record: str | None
    group: Any  # on its gateway, if it has one
    gateway: Any
    told: bool = False  # how its trainer ended

    def tell(self, end: dict[str, Any]) -> None:
        self.told = True
        try:
            self.line.send(json.dumps(end).encode("ascii"))
        except OSError:  # it ended first
            pass


class Switchboard:
    """Listens under a name that has no file. `take` answers a Reporter with a run, or None.

    `not_taken` is called if it had gone before it heard the answer.
    """

    def __init__(
        self,
        take: Callable[[int, str | None], dict[str, Any] | None],
        not_taken: Callable[[], None] = lambda: None,
    ) -> None:
        name, self._key = f"run-reporter-{os.urandom(8).hex()}", os.urandom(16).hex()
        launched = launch_started(os.environ, start_of_parent())
        # For the environment below.
        self.way = f"{name}/{self._key}/{launched}/{start_ticks(os.getpid())}"
        self.called: list[SenderLine] = []  # every sender there was
        self._take, self._not_taken = take, not_taken
        self._expected = 0  # senders of Reporters that asked for a run
        self._senders: list[SenderLine] = []
        self._silent: list[socket.socket] = []  # have not said a word yet, the oldest first
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(f"\0{name}")
        self._listener.listen(128)
        threading.Thread(target=self._accept, name="switchboard", daemon=True).start()

    def senders(self) -> list[SenderLine]:
        """Those that are at work."""
        with self._lock:
            return list(self._senders)

    def awaited(self) -> bool:
        """Whether a Reporter was opened whose sender has not called yet."""
        with self._lock:
            return self._expected > 0

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:  # no descriptor is left, for now
                time.sleep(_PAUSE)
                continue
            self._bear_silence_of(line)
            try:
                Background(partial(self._serve, line), "line").start()
            except RuntimeError:  # no thread is left, for now
                self._has_spoken(line)
                line.close()
                time.sleep(_PAUSE)

    def _bear_silence_of(self, line: socket.socket) -> None:
        """Whoever connects has a thread; of those that say nothing the oldest makes room."""
        with self._lock:
            self._silent.append(line)
            oldest = self._silent[0] if len(self._silent) > _MOST_SILENT else None
        if oldest is not None:
            self._has_spoken(oldest)
            _hang_up(oldest)

    def _has_spoken(self, line: socket.socket) -> None:
        with self._lock:
            if line in self._silent:
                self._silent.remove(line)

    def _serve(self, line: socket.socket) -> None:
        with line:
            try:
                said = self._heard(line)
                if not hmac.compare_digest(str(said["key"]), self._key):
                    return
                line.settimeout(None)
                if "take" in said:
                    self._hand_out(line, int(said["take"]), said.get("gateway"))
                elif "record" in said:
                    self._keep(line, said)
            except Exception:  # noqa: BLE001 - who speaks nonsense is not answered
                pass

    def _heard(self, line: socket.socket) -> Any:
        try:
            line.settimeout(_SPEAKS_WITHIN)  # whoever has no key must not stay
            return json.loads(line.recv(LONGEST))
        finally:
            self._has_spoken(line)

    def _hand_out(self, line: socket.socket, rank: int, gateway: str | None) -> None:
        if _has_hung_up(line):  # we were stopped; it has gone on without us
            return
        with self._lock:
            self._expected += 1
        run = self._take(rank, gateway)
        if not _answered(line, {"run": run}) and run is not None:
            self._not_taken()

    def _keep(self, line: socket.socket, said: dict[str, Any]) -> None:
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user, rank = _CREDENTIALS.unpack(raw)[1], int(said["rank"])
        shown = said.get("group"), said.get("gateway")
        sender = SenderLine(line, user, int(said["trainer"]), rank, said["record"], *shown)
        with self._lock:
            self._expected -= self._expected > 0
            self._senders.append(sender)
            if len(self.called) < _MOST_LINES:
                self.called.append(sender)
        try:
            while line.recv(LONGEST):  # until it has ended
                pass
        finally:
            with self._lock:
                self._senders.remove(sender)


def _answered(line: socket.socket, answer: dict[str, Any]) -> bool:
    """Whether the other side has read it: a line that is closed with a word unread is reset."""
    try:
        line.send(json.dumps(answer).encode("ascii"))
        line.recv(1)  # it says no more, and hangs up
    except OSError:
        return False
    return True


def _hang_up(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:  # it was faster
        pass


def _has_hung_up(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLRDHUP)
    return bool(poll.poll(0))
