"""Owns what makes every wait on the network end by a deadline, or at once when aborted."""

from __future__ import annotations

import io
import socket
import threading
from time import monotonic
from typing import Any

from reporter.sinks.problems import OutOfTime


class Budget:
    """The time that the request in flight still has; none once it is aborted."""

    def __init__(self, seconds: float) -> None:
        self.aborted = False
        self._seconds = seconds
        self._end = monotonic() + seconds

    def left(self) -> float:
        if self.aborted:
            raise OutOfTime("given up")
        left = self._end - monotonic()
        if left <= 0:
            raise OutOfTime(f"no answer within {self._seconds:g} s")
        return left


class Stream(io.RawIOBase):
    """A socket for http.client whose every call ends by the deadline.

    A timeout of the socket alone would not do: it starts anew with each byte of a slow drip.
    """

    def __init__(self, sock: socket.socket, budget: Budget) -> None:
        self.sock = sock
        self.budget = budget

    def makefile(self, *_mode: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.budget.left())
        return self.sock.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(self.budget.left())
            rest = rest[self.sock.send(rest) :]

    def close(self) -> None:
        """Nothing: http.client closes after each answer, but HttpClient owns the socket."""


class Lookup:
    """A name lookup that one can walk away from: getaddrinfo knows no timeout."""

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._found: list[tuple[Any, ...]] = []
        self._failed: Exception | None = None
        self._ended = False
        self._wake = threading.Event()
        try:
            threading.Thread(target=self._run, name="reporter-lookup", daemon=True).start()
        except RuntimeError:  # no more threads here: better late than never
            self._run()

    def _run(self) -> None:
        try:
            self._found = socket.getaddrinfo(*self._where, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self._failed = error
        self._ended = True
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def wait(self, budget: Budget) -> None:
        while not self._ended:
            self._wake.wait(budget.left())
            self._wake.clear()

    def addresses(self) -> list[tuple[Any, ...]]:
        if self._failed:
            raise self._failed
        return self._found
