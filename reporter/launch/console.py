"""What a program prints: passed on to where it would have gone, and the end of it kept.

The program writes into memory, not into a pipe: whatever becomes of this process, of the terminal
or of a disk, a `print` never waits.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import threading
from collections import deque

TAIL_BYTES = 1 << 20
_BACKLOG_BYTES = 8 << 20  # kept for a terminal or log that does not take it
_READ = 256 << 10
_PUNCH = 0x03  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE


class Tail:
    """The last bytes of a console, both streams as they came."""

    def __init__(self, limit: int = TAIL_BYTES) -> None:
        self._limit, self._kept, self.cut = limit, bytearray(), 0

    def add(self, piece: bytes) -> None:
        self._kept += piece
        if len(self._kept) > 2 * self._limit:  # seldom: it copies what is kept
            self._shorten()

    def text(self) -> bytes:
        """What is kept, from the start of a line on, and how much is not."""
        self._shorten()
        if not self.cut:
            return bytes(self._kept)
        kept = bytes(self._kept[self._kept.find(b"\n") + 1 :])
        cut = self.cut + len(self._kept) - len(kept)
        return b"[reporter: the first %d bytes are not kept]\n" % cut + kept

    def _shorten(self) -> None:
        over = len(self._kept) - self._limit
        if over > 0:
            self.cut += over
            del self._kept[:over]


class Stream:
    """One stream of the program: memory that it writes into, and a thread that passes it on."""

    def __init__(self, target: int, tail: Tail) -> None:
        self.memory = os.memfd_create("console", os.MFD_CLOEXEC)
        # Whoever inherits it appends, however many there are.
        fcntl.fcntl(self.memory, fcntl.F_SETFL, os.O_APPEND)
        self._tail, self._target, self._at = tail, target, 0
        self._backlog: deque[bytes] = deque()
        self._waiting, self._lost = 0, 0
        self._more = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._pass_on, name="console", daemon=True)
        self._thread.start()

    def take(self) -> None:
        """Take what was printed. Never waits."""
        size = os.fstat(self.memory).st_size
        if size < self._at:  # somebody opened /dev/stdout anew and cut it
            self._at = 0
        while self._at < size and (piece := os.pread(self.memory, _READ, self._at)):
            _forget(self.memory, self._at, self._at + len(piece))
            self._at += len(piece)
            self._tail.add(piece)
            self._queue(piece)

    def close(self, within: float) -> None:
        """Pass on what is left, for a bounded time."""
        self.take()
        with self._more:
            self._closed = True
            self._more.notify()
        self._thread.join(within)

    def _queue(self, piece: bytes) -> None:
        with self._more:
            self._backlog.append(piece)
            self._waiting += len(piece)
            while self._waiting > _BACKLOG_BYTES and len(self._backlog) > 1:
                oldest = self._backlog.popleft()
                self._waiting -= len(oldest)
                self._lost += len(oldest)
            self._more.notify()

    def _pass_on(self) -> None:
        while (piece := self._next()) is not None:
            try:
                while piece:
                    piece = piece[os.write(self._target, piece) :]
            except OSError:  # nobody reads it any more: the program goes on all the same
                pass

    def _next(self) -> bytes | None:
        with self._more:
            while not self._backlog:
                if self._closed:
                    return None
                self._more.wait()
            piece = self._backlog.popleft()
            self._waiting -= len(piece)
            lost, self._lost = self._lost, 0
        return b"\n[reporter: %d bytes were not shown]\n" % lost + piece if lost else piece


class Console:
    """Both streams of a program."""

    def __init__(self) -> None:
        self.tail = Tail()
        self._streams = [Stream(1, self.tail)]
        if not os.path.sameopenfile(1, 2):
            self._streams.append(Stream(2, self.tail))

    @property
    def descriptors(self) -> tuple[int, int]:
        """What the program gets as its standard output and error."""
        return self._streams[0].memory, self._streams[-1].memory

    def take(self) -> None:
        """Take what was printed."""
        for stream in self._streams:
            stream.take()

    def close(self, within: float) -> None:
        for stream in self._streams:
            stream.close(within)


def _forget(descriptor: int, start: int, end: int) -> None:
    """Give the memory of what was read back, with the page that the last reading left behind."""
    first = start - start % mmap.PAGESIZE
    offset = ctypes.c_int64
    ctypes.CDLL(None).fallocate(descriptor, _PUNCH, offset(first), offset(end - first))
