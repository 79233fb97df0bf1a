"""What a training process has done, in a file that outlives it: true at every moment.

Each count is kept twice: raised once before the call, once after it has returned. Whatever the
moment of a kill, what is found of a run must lie between the two.
"""

from __future__ import annotations

import mmap
import os

METRICS = ("loss", "val/loss", "beside")  # the last one is a second thread's
COUNTED = (*METRICS, "no number", "turn", "artifact", "fork")
SAID = ("", "returned", "exception", "exit-0", "exit-3", "interrupt", "fail", "finish")

_ENTERED, _SAID, _LEFT, _RUNS, _FIRST = 0, 1, 2, 3, 8
_ID_BYTES = 128
_WORDS = _FIRST + 2 * len(COUNTED)
SIZE = 8 * _WORDS + _ID_BYTES


class Ledger:
    """One file of one training process; written by it, read by whoever kills it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open(path, "r+b") as file:
            self._area = memoryview(mmap.mmap(file.fileno(), SIZE))
        self._words = self._area[: 8 * _WORDS].cast("Q")
        self._id = self._area[8 * _WORDS :]

    @staticmethod
    def create(path: str | os.PathLike[str]) -> Ledger:
        with open(path, "wb") as file:
            file.write(bytes(SIZE))
        return Ledger(path)

    def enter(self, run: str) -> None:
        """The scope is entered."""
        raw = run.encode()
        self._id[: len(raw)] = raw
        self._words[_ENTERED] = 1
        self._words[_RUNS] += 1

    def say(self, way: str) -> None:
        """The scope is about to be left."""
        self._words[_SAID] = SAID.index(way)

    def leave(self) -> None:
        """The scope is left."""
        self._words[_LEFT] = 1

    def begin(self, name: str, count: int = 1) -> int:
        """So many calls are about to be made; how many there were before."""
        at = _FIRST + 2 * COUNTED.index(name)
        before = int(self._words[at])
        self._words[at] = before + count
        return before

    def done(self, name: str, count: int = 1) -> None:
        """So many calls have returned."""
        self._words[_FIRST + 2 * COUNTED.index(name) + 1] += count

    @property
    def run(self) -> str:
        return bytes(self._id).rstrip(b"\0").decode()

    @property
    def entered(self) -> bool:
        return bool(self._words[_ENTERED])

    @property
    def said(self) -> str:
        """How it was about to leave; nothing if it was not yet."""
        return SAID[self._words[_SAID]]

    @property
    def left(self) -> bool:
        return bool(self._words[_LEFT])

    @property
    def runs(self) -> int:
        """How many scopes were entered."""
        return int(self._words[_RUNS])

    def counts(self, name: str) -> tuple[int, int]:
        """How many calls have returned, and how many were begun."""
        at = _FIRST + 2 * COUNTED.index(name)
        return int(self._words[at + 1]), int(self._words[at])
