"""Disks that fail: each call goes to the real one until it is told to break."""

from __future__ import annotations

import errno
import os


class FailingDisk:
    """The real disk, but the n-th call fails (and, if `for_good`, each one after it).

    A write that fails has half happened. With a `code` of 0 nothing fails, and a write of half
    the data is all that happens.
    """

    def __init__(self, nth: int, code: int = errno.EIO, *, for_good: bool = False) -> None:
        self.nth = nth
        self.code = code
        self.for_good = for_good
        self.calls = 0

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int:
        if not self._fails():
            return os.pwrite(fd, data, offset)
        written = os.pwrite(fd, data[: max(1, len(data) // 2)], offset)
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        return written

    def ftruncate(self, fd: int, length: int, /) -> None:
        self._perhaps_fail()
        os.ftruncate(fd, length)

    def fsync(self, fd: int) -> None:
        self._perhaps_fail()
        os.fsync(fd)

    def heal(self) -> None:
        self.nth = 0
        self.for_good = False

    @property
    def reached(self) -> bool:
        """Whether the call that was to fail was made."""
        return self.calls >= self.nth

    def _fails(self) -> bool:
        self.calls += 1
        return bool(self.nth) and (
            self.calls >= self.nth if self.for_good else self.calls == self.nth
        )

    def _perhaps_fail(self) -> None:
        if self._fails() and self.code:
            raise OSError(self.code, os.strerror(self.code))


class Died(BaseException):
    """The process is no more: nothing of it runs on."""


class DyingDisk:
    """The real disk, but the process dies at the n-th call, which has happened, half or not at all.

    `safe` is what a power failure cannot take, by file: what was there at its last sync.
    """

    def __init__(self, nth: int, share: float) -> None:
        self.nth, self.share, self.calls = nth, share, 0
        self.safe: dict[int, bytes] = {}

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int:
        if self._dies():
            os.pwrite(fd, data[: int(len(data) * self.share)], offset)
            raise Died
        return os.pwrite(fd, data, offset)

    def ftruncate(self, fd: int, length: int, /) -> None:
        dies = self._dies()
        if not dies or self.share == 1:
            os.ftruncate(fd, length)
        if dies:
            raise Died

    def fsync(self, fd: int) -> None:
        dies = self._dies()
        if not dies or self.share == 1:
            size = os.fstat(fd).st_size
            self.safe[os.fstat(fd).st_ino] = os.pread(fd, size, 0)
        if dies:
            raise Died

    def _dies(self) -> bool:
        self.calls += 1
        return self.calls == self.nth
