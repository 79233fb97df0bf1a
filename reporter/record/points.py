"""The format of points.bin: checksummed frames of names, blocks of points and newest values."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol, TypeVar

FORMAT = 1
HEADER = struct.pack("<4sH", b"RPTS", FORMAT)
NO_STEP = -(2**63)

_NAME, _POINTS, _NEWEST = 1, 2, 3
_FRAME = struct.Struct("<BII")  # kind, length of the payload, checksum
_NAME_HEAD = struct.Struct("<I")  # tag
_POINTS_HEAD = struct.Struct("<IQIdBII")  # attempt, start, span, time, flags, count, stepped
_NEWEST_BODY = struct.Struct("<IIdq")  # attempt, tag, value, step
_UNCERTAIN = 1
_PAYLOAD_LIMIT = 16 << 20  # so that a damaged length cannot make a reader take all memory


class Readable(Protocol):
    """Anything that bytes can be read from, in order."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Name:
    """From here on, `tag` stands for the metric `name`."""

    tag: int
    name: str


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest value of a metric whose points are not, or not all, in the file."""

    attempt: int
    tag: int
    value: float
    step: int | None


@dataclass(frozen=True, slots=True)
class Extent:
    """The slots of the ring that a block came from, and when they were drained."""

    attempt: int
    start: int  # absolute
    span: int
    time: float
    uncertain: bool

    @property
    def end(self) -> int:
        return self.start + self.span


@dataclass(frozen=True, slots=True)
class Block:
    """Points that were drained together."""

    extent: Extent
    tags: array[int]  # -m: of metric m, and it takes the next one of the given steps
    values: array[float]
    given_steps: array[int]

    def steps(self) -> array[int]:
        """One step for each point; NO_STEP where it has none."""
        if len(self.given_steps) == len(self.tags):
            return self.given_steps
        given = iter(self.given_steps)
        return array("q", [next(given, NO_STEP) if tag < 0 else NO_STEP for tag in self.tags])


Frame = Name | Newest | Block
Column = TypeVar("Column", "array[int]", "array[float]")


def encode_name(tag: int, name: str) -> bytes:
    return _framed(_NAME, _NAME_HEAD.pack(tag) + name.encode("utf-8", "surrogatepass"))


def encode_newest(newest: Newest) -> bytes:
    step = NO_STEP if newest.step is None else newest.step
    return _framed(_NEWEST, _NEWEST_BODY.pack(newest.attempt, newest.tag, newest.value, step))


def encode_block(
    extent: Extent, tags: Sequence[int], values: Sequence[float], steps: Sequence[int]
) -> bytes:
    """Three parallel columns; a step counts only where its tag is negative."""
    given = array("q", compress(steps, map((0).__gt__, tags)))
    flags = _UNCERTAIN if extent.uncertain else 0
    where = (extent.attempt, extent.start, extent.span, extent.time)
    head = _POINTS_HEAD.pack(*where, flags, len(tags), len(given))
    planes = _to_bytes(array("i", tags)), _to_bytes(array("d", values)), _to_bytes(given)
    return _framed(_POINTS, b"".join((head, *planes)))


class FrameReader:
    """Yields frames up to the first bad one; never raises, whatever the bytes are.

    `good_end` is the offset behind the last good frame; `format` the number that the file
    carries, or None where it has no header of ours.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.format = _format_in(_read(stream, len(HEADER)))
        self.good_end = len(HEADER) if self.format == FORMAT else 0

    def __iter__(self) -> Iterator[Frame]:
        while self.good_end and (found := self._next_payload()) is not None:
            kind, payload = found
            try:
                frame = _decode(kind, payload)
            except (ValueError, struct.error):
                return
            self.good_end += _FRAME.size + len(payload)
            if frame is not None:
                yield frame

    def _next_payload(self) -> tuple[int, bytes] | None:
        head = _read(self._stream, _FRAME.size)
        if len(head) < _FRAME.size:
            return None
        kind, length, checksum = _FRAME.unpack(head)
        if length > _PAYLOAD_LIMIT:
            return None
        payload = _read(self._stream, length)
        sound = len(payload) == length and _checksum(kind, payload) == checksum
        return (kind, payload) if sound else None


def _decode(kind: int, payload: bytes) -> Frame | None:
    if kind == _POINTS:
        return _decoded_block(payload)
    if kind == _NAME:
        (tag,) = _NAME_HEAD.unpack_from(payload)
        return Name(tag, payload[_NAME_HEAD.size :].decode("utf-8", "surrogatepass"))
    if kind == _NEWEST:
        attempt, tag, value, step = _NEWEST_BODY.unpack(payload)
        return Newest(attempt, tag, value, None if step == NO_STEP else step)
    return None  # a kind that a later version added


def _decoded_block(payload: bytes) -> Block:
    attempt, start, span, time, flags, count, given = _POINTS_HEAD.unpack_from(payload)
    values_at = _POINTS_HEAD.size + 4 * count
    steps_at = values_at + 8 * count
    if given > count or len(payload) != steps_at + 8 * given:
        raise ValueError("the columns do not fill the frame")
    return Block(
        Extent(attempt, start, span, time, bool(flags & _UNCERTAIN)),
        _from_bytes(array("i"), payload[_POINTS_HEAD.size : values_at]),
        _from_bytes(array("d"), payload[values_at:steps_at]),
        _from_bytes(array("q"), payload[steps_at:]),
    )


def _framed(kind: int, payload: bytes) -> bytes:
    if len(payload) > _PAYLOAD_LIMIT:
        raise ValueError(f"{len(payload)} bytes do not fit into one frame")
    return _FRAME.pack(kind, len(payload), _checksum(kind, payload)) + payload


def _checksum(kind: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(bytes((kind,))))


def _format_in(header: bytes) -> int | None:
    if len(header) < len(HEADER) or not header.startswith(HEADER[:4]):
        return None
    return int.from_bytes(header[4:], "little") or None  # zeros: a torn one after a power loss


def _read(stream: Readable, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError:  # a bad sector ends what can be read, like any other damage
        return b""


def _to_bytes(column: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _from_bytes(column: Column, data: bytes) -> Column:
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
