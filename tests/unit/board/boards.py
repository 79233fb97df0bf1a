"""Shared memory for a test, and a reader that keeps everything it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reporter.board.layout import Memory, create
from reporter.board.reader import Reader

Point = tuple[int, float, int | None]  # tag, value, step


@contextmanager
def new_memory(keep_points: bool = True) -> Iterator[Memory]:
    """Blank shared memory, whose descriptor is closed behind the test."""
    memory = create(keep_points)
    try:
        yield memory
    finally:
        os.close(memory.descriptor)


class Taker:
    """Does with the ring what the sender does, and keeps the points instead of recording them."""

    def __init__(
        self, memory: Memory, recorded_to: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.reader = Reader(memory, recorded_to, clock)
        self.points: list[Point] = []
        self.newest: dict[int, tuple[float, int | None]] = {}
        self.bad = self.overflows = 0

    def take(self, final: bool = False) -> list[Point]:
        """What has come since the last call."""
        before = len(self.points)
        for block in self.reader.blocks(final):
            for k, (tag, value) in enumerate(zip(block.tags, block.values, strict=True)):
                point = (abs(tag), value, block.steps[k] if tag < 0 else None)
                self.points.append(point)
                self.newest[point[0]] = point[1:]
                self.reader.saw(point[0], block.position(k))
            self.bad += block.bad
            self.overflows += block.overflows
            self.reader.hand_back(block.span)
        for tag, value, step in self.reader.board():
            self.newest[tag] = (value, step)
        return self.points[before:]
