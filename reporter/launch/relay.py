"""Stands between a program and where its output goes: run as a file by `python -I -S`.

A `print` waits for a reader that reads, as it would without us. It does not wait for anything that
hangs: a stopped `reporter run`, a terminal or a log that takes nothing, a disk.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable

TAIL_BYTES = 1 << 20
NOT_ALL_SHOWN = 3  # exit code
_HEAD = 8  # before the bytes of a tail: how many there ever were
SIZE = _HEAD + TAIL_BYTES
_BACKLOG_BYTES = 8 << 20  # kept for a target that does not take it
_ENOUGH_BYTES = _BACKLOG_BYTES // 2  # for one that takes it slowly; the rest is for last words
_READ = 64 << 10
_WRITE = 4 << 10  # a slow reader is seen to read
_READS_ON_FOR = 0.5
_HANGS_AFTER = 2.0  # without having taken anything
_LOOK_AGAIN_MS = 20


class Tail:
    """The last bytes of a console, both streams as they came, in memory that outlives us."""

    def __init__(self, descriptor: int) -> None:
        area = memoryview(mmap.mmap(descriptor, SIZE))
        self._total, self._bytes = area[:_HEAD].cast("Q"), area[_HEAD:]

    def add(self, piece: bytes) -> None:
        kept = piece[-TAIL_BYTES:]
        start = (self._total[0] + len(piece) - len(kept)) % TAIL_BYTES
        first = kept[: TAIL_BYTES - start]
        self._bytes[start : start + len(first)] = first
        self._bytes[: len(kept) - len(first)] = kept[len(first) :]
        self._total[0] += len(piece)

    def text(self) -> bytes:
        """What is kept; if that is not all, from the start of a line on, and how much is not."""
        total = self._total[0]
        if total <= TAIL_BYTES:
            return bytes(self._bytes[:total])
        at = total % TAIL_BYTES
        kept = bytes(self._bytes[at:]) + bytes(self._bytes[:at])
        kept = kept[kept.find(b"\n") + 1 :]
        return b"[reporter: the first %d bytes are not kept]\n" % (total - len(kept)) + kept


class Outlet:
    """Passes on to one target, in a thread that may wait for it."""

    def __init__(self, target: int) -> None:
        self.waiting = 0  # bytes
        self._target, self._lost = target, 0
        self._is_file = stat.S_ISREG(os.fstat(target).st_mode)
        self._moved = time.monotonic()  # when it last took something, or had nothing to take
        self._pieces: deque[bytes] = deque()
        self._more = threading.Condition()
        self._closed = self._at_work = False
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether the program has to wait, as for any reader that is slower than it is."""
        return self.waiting > _ENOUGH_BYTES and not self._is_file and not self._hangs

    @property
    def _hangs(self) -> bool:
        return time.monotonic() - self._moved > _HANGS_AFTER

    def put(self, piece: bytes) -> None:
        """Never waits: what is too much for the backlog is dropped, the oldest first."""
        with self._more:
            if not self.waiting and not self._at_work:
                self._moved = time.monotonic()
            self._pieces.append(piece)
            self.waiting += len(piece)
            while self.waiting > _BACKLOG_BYTES:
                oldest = self._pieces.popleft()
                self.waiting -= len(oldest)
                self._lost += len(oldest)
            self._more.notify()

    def close(self) -> bool:
        """Let it pass on what is left, as long as somebody takes it. Whether all was."""
        with self._more:
            self._closed = True
            self._more.notify()
        while self._thread.is_alive() and not self._hangs:
            self._thread.join(_LOOK_AGAIN_MS / 1000)
        return not self.waiting and not self._at_work

    def _pass_on(self) -> None:
        while (piece := self._next()) is not None:
            while piece:
                try:
                    piece = piece[os.write(self._target, piece[:_WRITE]) :]
                    self._moved = time.monotonic()
                except BlockingIOError:
                    _wait_for_room(self._target)
                except OSError:  # nobody reads it any more: the program goes on all the same
                    break
            with self._more:
                self._at_work = False

    def _next(self) -> bytes | None:
        with self._more:
            while not self._pieces:
                if self._closed:
                    return None
                self._more.wait()
            piece = self._pieces.popleft()
            self._at_work = True
            self.waiting -= len(piece)
            lost, self._lost = self._lost, 0
        return b"\n[reporter: %d bytes were not shown]\n" % lost + piece if lost else piece


def _wait_for_room(target: int) -> None:
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    poll.poll()


def relay(sources: dict[int, Outlet], tail: Tail, wake: int) -> None:
    """Pass on until every source is at its end.

    Once `wake` is readable what is there already is passed on, for a bounded time: what prints in
    the background without a pause must not cost what was printed before.
    """
    while sources:
        heard = [source for source, outlet in sources.items() if not outlet.full]
        ready = _readable([*heard, wake], None if len(heard) == len(sources) else _LOOK_AGAIN_MS)
        if wake in ready:
            break
        _take_all(ready, sources, tail)
    until = time.monotonic() + _READS_ON_FOR
    while sources and time.monotonic() < until and (ready := _readable(sources, 0)):
        _take_all(ready, sources, tail)


def _readable(descriptors: Iterable[int], within_ms: int | None) -> list[int]:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(within_ms)]


def _take_all(ready: Iterable[int], sources: dict[int, Outlet], tail: Tail) -> None:
    for source in ready:
        if not _take(source, sources[source], tail):
            sources.pop(source)


def _take(source: int, outlet: Outlet, tail: Tail) -> bool:
    """Pass on what is there; False at its end."""
    piece = os.read(source, _READ)
    if piece:
        tail.add(piece)
        outlet.put(piece)
    return bool(piece)


def main() -> None:
    """Relay what the pipes of our arguments say to our own standard streams."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    reader, writer = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(writer, b"\0"))
    # It was held back for us: a short program is over before we are here.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    tail, *pipes = (int(word) for word in sys.argv[1:])
    outlets = {pipe: Outlet(target) for target, pipe in enumerate(pipes, start=1)}
    relay(dict(outlets), Tail(tail), reader)
    shown = [outlet.close() for outlet in outlets.values()]
    os._exit(0 if all(shown) else NOT_ALL_SHOWN)


if __name__ == "__main__":
    main()
