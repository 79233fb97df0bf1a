"""Where Reporters below take the run, and their senders learn how the trainer ended."""

from __future__ import annotations

import hmac
import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reporter.run.wrapper import LONGEST


@dataclass(slots=True)
class SenderLine:
    """A sender that is there until its line is closed."""

    line: socket.socket
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

    def __init__(self, take: Callable[[int], dict[str, Any] | None]) -> None:
        name, self._key = f"run-reporter-{os.urandom(8).hex()}", os.urandom(16).hex()
        self.way = f"{name}/{self._key}"  # for the environment of those below
        self.records: list[tuple[int, str]] = []  # of every sender there was: rank and folder
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
            line, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(line,), name="line", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line:
            try:
                said = json.loads(line.recv(LONGEST))
                if not hmac.compare_digest(str(said["key"]), self._key):
                    return
                if "take" in said:
                    self._hand_out(line, int(said["take"]))
                elif "record" in said:
                    self._keep(line, said)
            except (OSError, ValueError, KeyError, TypeError):
                pass  # who speaks nonsense is not answered

    def _hand_out(self, line: socket.socket, rank: int) -> None:
        with self._lock:
            self._expected += 1
        line.send(json.dumps({"run": self._take(rank)}).encode("ascii"))

    def _keep(self, line: socket.socket, said: dict[str, Any]) -> None:
        record, rank = said["record"], int(said["rank"])
        sender = SenderLine(line, int(said["trainer"]), rank, record)
        with self._lock:
            self._expected -= self._expected > 0
            self._senders.append(sender)
            if record is not None:
                self.records.append((rank, record))
        try:
            while line.recv(LONGEST):  # until it has ended
                pass
        finally:
            with self._lock:
                self._senders.remove(sender)
