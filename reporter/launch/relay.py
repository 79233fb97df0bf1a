"""Stands between a program and where its output goes: run as a file by `python -I -S`.

It reads pipes and never waits for anything else, so that a `print` does not wait either: not for
a stopped `reporter run`, not for a terminal, a log or a disk that takes nothing.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import sys
import threading
import time
from collections import deque

TAIL_BYTES = 1 << 20
NOT_ALL_SHOWN = 3  # exit code
_HEAD = 8  # before the bytes of a tail: how many there ever were
SIZE = _HEAD + TAIL_BYTES
_BACKLOG_BYTES = 8 << 20  # kept for a target that does not take it
_READ = 64 << 10
_READS_ON_FOR = 0.5
_LAST_WORDS_WITHIN = 2.0  # both together are less than `reporter run` waits for us


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
        self._pieces: deque[bytes] = deque()
        self._more = threading.Condition()
        self._closed = self._at_work = False
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def put(self, piece: bytes) -> None:
        """Never waits: what is too much for the backlog is dropped, the oldest first."""
        with self._more:
            self._pieces.append(piece)
            self.waiting += len(piece)
            while self.waiting > _BACKLOG_BYTES:
                oldest = self._pieces.popleft()
                self.waiting -= len(oldest)
                self._lost += len(oldest)
            self._more.notify()

    def close(self, within: float) -> bool:
        """Let it pass on what is left, for a bounded time. Whether all was."""
        with self._more:
            self._closed = True
            self._more.notify()
        self._thread.join(within)
        return not self.waiting and not self._at_work

    def _pass_on(self) -> None:
        while (piece := self._next()) is not None:
            while piece:
                try:
                    piece = piece[os.write(self._target, piece) :]
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
    poll, until = select.poll(), None
    for descriptor in (*sources, wake):
        poll.register(descriptor, select.POLLIN)
    while sources and (until is None or time.monotonic() < until):
        ready = [descriptor for descriptor, _ in poll.poll(None if until is None else 0)]
        if not ready:
            return
        if wake in ready:
            ready.remove(wake)
            poll.unregister(wake)
            until = time.monotonic() + _READS_ON_FOR
        for descriptor in ready:
            if not _take(descriptor, sources[descriptor], tail):
                poll.unregister(descriptor)
                sources.pop(descriptor)


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
    within = _LAST_WORDS_WITHIN / len(outlets)
    shown = [outlet.close(within) for outlet in outlets.values()]
    os._exit(0 if all(shown) else NOT_ALL_SHOWN)


if __name__ == "__main__":
    main()
