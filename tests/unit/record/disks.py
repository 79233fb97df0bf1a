"""Disks that fail: each call goes to the real one until it is told to break."""

from __future__ import annotations

import errno
import os


class FailingDisk:
    """The real disk, but the n-th call fails (and, if `for_good`, each one after it).

    A write that fails has half happened.
    """

    def __init__(self, nth: int, code: int = errno.EIO, *, for_good: bool = False) -> None:
        self.nth = nth
        self.code = code
        self.for_good = for_good
        self.calls = 0

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int:
        if self._fails():
            os.pwrite(fd, data[: len(data) // 2], offset)
            raise OSError(self.code, os.strerror(self.code))
        return os.pwrite(fd, data, offset)

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
        if self._fails():
            raise OSError(self.code, os.strerror(self.code))
