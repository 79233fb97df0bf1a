"""Room set aside on the disk, so that a run can say how it ended when the disk is full."""

from __future__ import annotations

import os

from reporter.record.appending import AppendingFile, Disk
from reporter.record.hold import open_file

FULL = 64 << 10
_PIECE = 4 << 10


class Reserve:
    """A file of nothing, which gives its room back when asked."""

    def __init__(self, path: str, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self.size = 0
        self.release()  # a dead writer's

    def fill(self) -> bool:
        """Sets aside what is missing, as far as there is room; whether all of it is there."""
        if self.size < FULL:
            try:
                self._grow()
            except OSError:
                pass
        return self.size == FULL

    def release(self) -> None:
        self.size = 0
        try:
            os.unlink(self._path)
        except OSError:
            pass

    def _grow(self) -> None:
        # What is set aside is never given up to ask for more.
        descriptor = open_file(self._path)
        try:
            file = AppendingFile(descriptor, self.size, self._disk)
            for piece in (FULL - self.size, _PIECE):
                self._append_pieces(file, piece)
        finally:
            os.close(descriptor)

    def _append_pieces(self, file: AppendingFile, piece: int) -> None:
        try:
            while self.size < FULL:
                file.append(os.urandom(piece))  # zeros take no room on a disk that compresses
                self.size = file.end
        except OSError:
            pass
