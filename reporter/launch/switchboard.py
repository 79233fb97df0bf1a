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
from typing import Any

from reporter.run.identity import start_of_parent
from reporter.run.wrapper import LONGEST, launch_started
from reporter.settings.local_hub import start_ticks

_CREDENTIALS = struct.Struct("3i")  # process, user and group of the other side
_SPEAKS_WITHIN = 1.0
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
    told: bool = False  # how its trainer ended

    def tell(self, end: dict[str, Any]) -> None:
        self.told = True
        try:
            self.line.send(json.dumps(end).encode("ascii"))
        except OSError:  # it ended first
            pass


class Switchboard:
    """Listens under a name that has no file. `take` answers a Reporter with a run, or None."""

    def __init__(self, take: Callable[[int, str | None], dict[str, Any] | None]) -> None:
        name, self._key = f"run-reporter-{os.urandom(8).hex()}", os.urandom(16).hex()
        launched = launch_started(os.environ, start_of_parent())
        # For the environment below.
        self.way = f"{name}/{self._key}/{launched}/{start_ticks(os.getpid())}"
        self.called: list[SenderLine] = []  # every sender there was
        self._take = take
        self._expected = 0  # senders of Reporters that asked for a run
        self._senders: list[SenderLine] = []
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
                threading.Thread(target=self._serve, args=(line,), name="line", daemon=True).start()
            except (OSError, RuntimeError):  # no descriptor or thread is left, for now
                time.sleep(_PAUSE)

    def _serve(self, line: socket.socket) -> None:
        with line:
            try:
                line.settimeout(_SPEAKS_WITHIN)  # whoever has no key must not stay
                said = json.loads(line.recv(LONGEST))
                if not hmac.compare_digest(str(said["key"]), self._key):
                    return
                line.settimeout(None)
                if "take" in said:
                    self._hand_out(line, int(said["take"]), said.get("gateway"))
                elif "record" in said:
                    self._keep(line, said)
            except (OSError, ValueError, KeyError, TypeError):
                pass  # who speaks nonsense is not answered

    def _hand_out(self, line: socket.socket, rank: int, gateway: str | None) -> None:
        if _has_hung_up(line):  # we were stopped; it has gone on without us
            return
        with self._lock:
            self._expected += 1
        line.send(json.dumps({"run": self._take(rank, gateway)}).encode("ascii"))

    def _keep(self, line: socket.socket, said: dict[str, Any]) -> None:
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user, rank = _CREDENTIALS.unpack(raw)[1], int(said["rank"])
        sender = SenderLine(line, user, int(said["trainer"]), rank, said["record"])
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


def _has_hung_up(line: socket.socket) -> bool:
    poll = select.poll()
    poll.register(line, select.POLLRDHUP)
    return bool(poll.poll(0))
