"""Open-loop load: every run pushes by its own clock, whether or not it was answered."""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_FILLING = 4  # connections that bring the groups there at first
_SCRAPE_TIMEOUT_S = 60.0


class Connections:
    """One run's: a push while another waits opens one more, and each is kept."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._where = str(parts.hostname), int(parts.port or 80)
        self._free: list[_Connection] = []

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        while self._free:
            connection = self._free.pop()
            if not connection[0].at_eof():
                try:
                    return await self._exchange(connection, request)
                except (asyncio.IncompleteReadError, ConnectionError):
                    break  # it was closed while it was idle
        return await self._exchange(await asyncio.open_connection(*self._where), request)

    async def _exchange(self, connection: _Connection, request: bytes) -> int:
        reader, writer = connection
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
        except BaseException:  # a cancellation too: its answer may come later
            writer.transport.abort()
            raise
        self._free.append(connection)
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        for _, writer in self._free:
            writer.transport.abort()


@dataclass
class Tally:
    """What became of the pushes that were due in a stretch of time."""

    took_s: list[float] = field(default_factory=list)  # of those not answered: so far
    served: int = 0  # answers that came in it, to older pushes too
    refused: int = 0
    waiting: int = 0  # not answered when it ended


class Load:
    """Runs that push one request each, again and again."""

    def __init__(self, url: str, requests: Sequence[bytes], interval: float) -> None:
        self._runs = [(Connections(url), request) for request in requests]
        self._interval = interval
        self._pushes: set[asyncio.Task[None]] = set()
        self._begun: list[float] = []  # per push: when it was due,
        self._ended: dict[int, tuple[float, bool]] = {}  # when it was answered, and whether well
        self._over = False

    async def fill(self) -> None:
        """Bring every group there once."""
        waiting = iter(self._runs)

        async def some() -> None:
            for connections, request in waiting:
                status = await connections.ask(request)
                if status >= 300:
                    raise RuntimeError(f"the gateway answered {status}")

        await asyncio.gather(*(some() for _ in range(_FILLING)))

    def start(self) -> None:
        """Every run begins somewhere in the first interval."""
        now = asyncio.get_running_loop().time()
        for run in range(len(self._runs)):
            self._at(run, now + self._interval * random.random())

    def stop(self, since: float) -> Tally:
        """End all of it, and tell of the pushes that were due after `since`."""
        self._over = True
        now = asyncio.get_running_loop().time()
        tally = Tally(served=sum(ended >= since for ended, _ in self._ended.values()))
        for push, begun in enumerate(self._begun):
            if begun >= since:
                ended, well = self._ended.get(push, (now, True))
                tally.took_s.append(ended - begun)
                tally.refused += not well
        tally.waiting = len(self._pushes)
        for task in self._pushes:
            task.cancel()
        for connections, _ in self._runs:
            connections.close()
        return tally

    def _at(self, run: int, due: float) -> None:
        asyncio.get_running_loop().call_at(due, self._due, run, due)

    def _due(self, run: int, due: float) -> None:
        if self._over:
            return
        task = asyncio.create_task(self._push(run, len(self._begun)))
        self._begun.append(due)
        self._pushes.add(task)
        task.add_done_callback(self._pushes.discard)
        # As the sender's schedule has it.
        self._at(run, due + self._interval * (0.9 + 0.1 * random.random()))

    async def _push(self, run: int, push: int) -> None:
        connections, request = self._runs[run]
        try:
            status = await connections.ask(request)
        except (asyncio.IncompleteReadError, OSError):
            status = 0
        self._ended[push] = asyncio.get_running_loop().time(), 200 <= status < 300


@dataclass
class Scrape:
    """What a Prometheus would have got, and how long it would have waited."""

    took_s: float
    size: int  # on the wire
    body: bytes  # as it came: gzip, where the gateway can


def scrape(url: str) -> Scrape:
    """One scrape, asked for as Prometheus does."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SCRAPE_TIMEOUT_S)
    try:
        accepted = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
        connection.request("GET", "/metrics", headers=accepted)
        body = connection.getresponse().read()
    finally:
        connection.close()
    return Scrape(time.monotonic() - began, len(body), body)


def share(values: Iterable[float], part: float) -> float:
    """The value that this part of all is not above; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
