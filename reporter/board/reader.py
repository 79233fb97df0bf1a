"""The sender's side of the ring and the board: takes points in order and hands slots back."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Literal

from reporter.board.layout import (
    BAD,
    DONE,
    METRICS,
    NO_STEP,
    NO_VALUE,
    OVERFLOW,
    POINTS,
    TAIL,
    TAKEN,
    VOID,
    Memory,
)

BLOCK = 8192
_PATIENCE_S = 1.0
_BLANKS: tuple[tuple[Literal["Q", "q", "i"], int], ...] = (
    ("Q", NO_VALUE),
    ("q", NO_STEP),
    ("i", 0),
)


class Block:
    """Points of neighbouring slots: tags (below 0: with a step), values, steps; no empty ones."""

    __slots__ = ("_kept", "bad", "overflows", "span", "start", "steps", "tags", "values")

    def __init__(
        self, start: int, tags: list[int], values: Sequence[float], steps: list[int]
    ) -> None:
        self.start = start
        self.span = len(tags)
        self.bad = tags.count(BAD)
        self.overflows = tags.count(OVERFLOW)
        self._kept: list[int] | None = None
        if 0 in tags or min(tags, default=0) <= OVERFLOW:
            self._kept = kept = [k for k, tag in enumerate(tags) if tag > OVERFLOW and tag]
            tags = [tags[k] for k in kept]
            values = [values[k] for k in kept]
            steps = [steps[k] for k in kept]
        self.tags, self.values, self.steps = tags, values, steps

    def position(self, k: int) -> int:
        """Where in the ring, absolutely, the k-th point lay."""
        return self.start + (k if self._kept is None else self._kept[k])


class Reader:
    """One reader at a time; a successor takes up where a dead one stopped."""

    def __init__(
        self, memory: Memory, recorded_to: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._fence = threading.Lock()
        self._blank = [
            memoryview(struct.pack(kind, value) * BLOCK).cast(kind) for kind, value in _BLANKS
        ]
        self._stuck: tuple[int, float] = (-1, 0.0)
        self.at = memory.words[TAIL]
        self.hand_back(max(0, max(memory.words[DONE], recorded_to) - self.at))

    def waiting(self) -> bool:
        """Whether there is a point to take; cheap enough to ask ten times a second."""
        return self._memory.tags[self.at % POINTS] != 0

    def blocks(self, final: bool = False) -> Iterator[Block]:
        """What can be taken now. The caller records each block and then hands its span back.

        With `final` nobody writes any more: slots claimed and never filled are passed over.
        """
        end = self.at + POINTS
        while self.at < end:
            start = self.at % POINTS
            size = min(BLOCK, POINTS - start, end - self.at)
            tags = self._memory.tags[start : start + size].tolist()
            size = self._ready(start, tags, final)
            if not size:
                return
            here = slice(start, start + size)
            values, steps = self._memory.values[here].tolist(), self._memory.steps[here].tolist()
            yield Block(self.at, tags[:size], values, steps)

    def unfinished(self) -> bool:
        """Whether a slot that was leased is neither filled nor marked."""
        return self.at < self._memory.words[TAKEN]

    def _ready(self, start: int, tags: list[int], final: bool) -> int:
        if final:
            return min(len(tags), max(0, self._memory.words[TAKEN] - self.at))
        size = tags.index(0) if 0 in tags else len(tags)
        here = slice(start, start + size)
        bits, steps = self._memory.value_bits[here].tolist(), self._memory.steps[here].tolist()
        if NO_VALUE in bits or (
            NO_STEP in steps and NO_STEP in compress(steps, map((0).__gt__, tags))
        ):
            late = (k for k in range(size) if _overtaken(tags[k], bits[k], steps[k]))
            ready = next(late, size)
            size = ready or self._after_patience(size)
        return size

    def _after_patience(self, size: int) -> int:
        """On ARM a tag may be seen before its value. After a second it is what was reported."""
        if not size:
            return 0
        if self._stuck[0] != self.at:
            self._stuck = (self.at, self._clock() + _PATIENCE_S)
        return 1 if self._clock() > self._stuck[1] else 0

    def hand_back(self, span: int) -> None:
        """Blank the next `span` slots and give them to the writer."""
        words = self._memory.words
        words[DONE] = self.at + span  # first: a successor blanks again what this one may not finish
        while span:
            start = self.at % POINTS
            size = min(span, BLOCK, POINTS - start)
            planes = (self._memory.value_bits, self._memory.steps, self._memory.tags)
            for plane, blank in zip(planes, self._blank, strict=True):
                plane[start : start + size] = blank[:size]
            self.at += size
            span -= size
        # Blanks must be visible before the slots are the writer's: on ARM no store passes a
        # release followed by an acquire.
        for _ in range(2):
            with self._fence:
                pass
        words[TAIL] = self.at

    def saw(self, tag: int, position: int) -> None:
        """A metric's newest point lay here. In shared memory: a successor must know it too."""
        self._memory.board_read[tag] = position + 1

    def board(self) -> Iterator[tuple[int, float, int | None]]:
        """Metrics whose newest value lies on the board, because the ring was full."""
        memory = self._memory
        for tag, count in enumerate(memory.board_drops[: self._tags()].tolist()):
            if count and memory.board_since[tag] >= memory.board_read[tag]:
                step = memory.board_steps[tag]
                yield tag, memory.board_values[tag], None if step == NO_STEP else step

    def newest(self) -> Iterator[tuple[int, float, int | None]]:
        """Every metric's value, where the run keeps no points."""
        memory, count = self._memory, self._tags()
        rows = zip(
            memory.board_value_bits[:count].tolist(),
            memory.board_values[:count].tolist(),
            memory.board_steps[:count].tolist(),
            strict=True,
        )
        for tag, (bits, value, step) in enumerate(rows):
            if bits != NO_VALUE:
                yield tag, value, None if step == NO_STEP else step

    def ring_drops(self) -> int:
        """Points dropped because the ring was full."""
        return sum(self._memory.board_drops[: self._tags()].tolist())

    def _tags(self) -> int:
        return min(METRICS, self.tag_limit)

    tag_limit = METRICS  # the reader's owner narrows it to the tags that have a name


def _overtaken(tag: int, bits: int, step: int) -> bool:
    if tag in (VOID, BAD, OVERFLOW):
        return False
    return bits == NO_VALUE or (tag < 0 and step == NO_STEP)
