"""Puts the frames of points.bin together into one series a metric, each point once."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reporter.record.points import NO_STEP, Block, Extent, Frame, Name, Newest


@dataclass(frozen=True, slots=True)
class Points:
    """One metric over time, as parallel columns in the order of the reports."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    packed_steps: array[int] = field(default_factory=lambda: array("q"))

    @property
    def steps(self) -> list[int | None]:
        """None where a point has no step."""
        return [None if step == NO_STEP else step for step in self.packed_steps]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(slots=True)
class _Covered:
    """Which slots of the ring are read already: a successor may have recorded some twice."""

    attempt: int = 0
    end: int = 0
    # More than the ring can hold at once, so that no overlap reaches further back.
    recent: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=4096))

    def known(self, extent: Extent, count: int) -> int:
        """How many of the block's first points are in earlier blocks."""
        if extent.attempt != self.attempt or extent.start >= self.end:
            return 0
        if extent.end <= self.end:
            return count
        return min(count, sum(_count_from(extent.start, *earlier) for earlier in self.recent))

    def add(self, extent: Extent, fresh: int) -> None:
        if extent.attempt != self.attempt:
            self.attempt, self.end = extent.attempt, 0
            self.recent.clear()
        if fresh:
            self.recent.append((max(extent.start, self.end), extent.end, fresh))
        self.end = max(self.end, extent.end)


@dataclass(frozen=True, slots=True)
class _Columns:
    """A block without what was recorded before."""

    time: float
    tags: list[int]
    values: array[float]
    steps: array[int]


def read_points(frames: Iterable[Frame]) -> dict[str, Points]:
    """Every point of every metric."""
    found: dict[str, Points] = {}
    for names, frame in _named(frames):
        if isinstance(frame, _Columns):
            for tag, values, steps in _by_tag(frame):
                if tag in names:
                    series = found.setdefault(names[tag], Points())
                    series.times.extend(array("d", (frame.time,)) * len(values))
                    series.values.extend(values)
                    series.packed_steps.extend(steps)
    return found


def read_newest(frames: Iterable[Frame]) -> dict[str, tuple[float, int | None]]:
    """The newest value and step of every metric, in little memory."""
    found: dict[str, tuple[float, int | None]] = {}
    for names, frame in _named(frames):
        if isinstance(frame, Newest):
            last = {frame.tag: (frame.value, frame.step)}
        else:
            newest = dict(zip(frame.tags, zip(frame.values, frame.steps, strict=True), strict=True))
            last = {tag: (v, None if s == NO_STEP else s) for tag, (v, s) in newest.items()}
        found.update((names[tag], value) for tag, value in last.items() if tag in names)
    return found


def _named(frames: Iterable[Frame]) -> Iterator[tuple[dict[int, str], _Columns | Newest]]:
    names: dict[int, str] = {}
    covered = _Covered()
    for frame in frames:
        if isinstance(frame, Name):
            names[frame.tag] = frame.name
        elif isinstance(frame, Newest):
            yield names, frame
        else:
            known = covered.known(frame.extent, len(frame.tags))
            covered.add(frame.extent, len(frame.tags) - known)
            yield names, _fresh(frame, known)


def _fresh(block: Block, known: int) -> _Columns:
    tags = list(map(abs, block.tags[known:]))
    return _Columns(block.extent.time, tags, block.values[known:], block.steps()[known:])


def _by_tag(columns: _Columns) -> Iterator[tuple[int, array[float], array[int]]]:
    # A stable sort and slices: no step of this runs in Python once a point.
    order = sorted(range(len(columns.tags)), key=columns.tags.__getitem__)
    values = array("d", map(columns.values.__getitem__, order))
    steps = array("q", map(columns.steps.__getitem__, order))
    at = 0
    for tag, count in sorted(Counter(columns.tags).items()):
        yield tag, values[at : at + count], steps[at : at + count]
        at += count


def _count_from(slot: int, start: int, end: int, count: int) -> int:
    """How many of `count` points in the slots from start to end lie at `slot` or behind it."""
    if end <= slot:
        return 0
    return max(0, count - max(0, slot - start))
