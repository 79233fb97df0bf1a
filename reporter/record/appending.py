"""A file that grows by whole entries: what fails half-way leaves what was there before."""

from __future__ import annotations

import os
import threading
from typing import Protocol

from reporter.record.hold import close_file


class Disk(Protocol):
    """The calls that a disk can fail; the module `os` is one."""

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int: ...
    def ftruncate(self, fd: int, length: int, /) -> None: ...
    def fsync(self, fd: int) -> None: ...


class AppendingFile:
    """Owns a descriptor; `end` is the offset behind the last whole entry."""

    def __init__(self, descriptor: int, end: int, disk: Disk) -> None:
        self.descriptor = descriptor
        self._disk = disk
        self._unsynced = True
        self._open = True
        self._closing = threading.Lock()
        self.end = end
        self._disk.ftruncate(descriptor, end)

    def append(self, entry: bytes) -> None:
        """All of the entry, or OSError and none of it."""
        try:
            self._write(entry)
        except OSError:
            self._cut()
            raise
        self.end += len(entry)
        self._unsynced = True

    def sync(self) -> bool:
        """Onto the disk; safe beside a writer and a closer. False if that cannot be said."""
        with self._closing:
            if not self._open or not self._unsynced:
                return True
            self._unsynced = False
            try:
                descriptor = os.dup(self.descriptor)
            except OSError:
                return False
        try:
            self._disk.fsync(descriptor)
        except OSError:
            return False  # not tried again: a second fsync may succeed without the lost pages
        finally:
            close_file(descriptor)
        return True

    def close(self) -> None:
        with self._closing:
            if self._open:
                self._open = False
                close_file(self.descriptor)

    def _write(self, entry: bytes) -> None:
        # At an offset, not at the end of the file: if the cut fails as well, the next entry
        # still overwrites what was torn.
        written = 0
        while written < len(entry):
            rest = entry[written:] if written else entry
            written += self._disk.pwrite(self.descriptor, rest, self.end + written)

    def _cut(self) -> None:
        try:
            self._disk.ftruncate(self.descriptor, self.end)
        except OSError:
            pass  # a reader stops at the torn entry all the same
