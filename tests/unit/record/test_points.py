"""The frames of points.bin: what is written is read, and nothing else ever is."""

from __future__ import annotations

import io
import math
import random
import struct
import sys
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.record.points import (
    HEADER,
    NO_STEP,
    Block,
    Extent,
    Frame,
    FrameReader,
    Name,
    Newest,
    encode_block,
    encode_name,
    encode_newest,
)

STEPS = st.integers(-(2**63) + 1, 2**63 - 1)
TAGS = st.integers(1, 2**31 - 1).flatmap(lambda tag: st.sampled_from([tag, -tag]))
POINTS = st.lists(st.tuples(TAGS, st.floats(), STEPS), max_size=50)
EXTENTS = st.builds(
    Extent,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**62),
    st.integers(0, 2**32 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
)


def read(data: bytes) -> tuple[list[Frame], int]:
    reader = FrameReader(io.BytesIO(data))
    return list(reader), reader.good_end


def columns(points: list[tuple[int, float, int]]) -> tuple[list[int], list[float], list[int]]:
    return [p[0] for p in points], [p[1] for p in points], [p[2] for p in points]


def told(frame: Frame) -> object:
    """What a frame says, in a form where NaN equals itself."""
    if isinstance(frame, Block):
        return frame.extent, bytes(frame.tags), bytes(frame.values), bytes(frame.steps())
    return frame


def some_frames() -> list[bytes]:
    mixed = Extent(1, 2, 4, 3.5, False)
    return [
        encode_name(1, "loss"),
        encode_block(Extent(1, 0, 2, 1.5, True), [1, 1], [0.5, math.inf], [0, 0]),
        encode_name(2, "größe/\udcff"),
        encode_block(mixed, [-1, 2, -2], [1.0, 2.0, -0.0], [7, 0, -(2**63) + 1]),
        encode_newest(Newest(1, 2, 9.0, None)),
        encode_newest(Newest(2, 1, -9.0, 2**63 - 1)),
    ]


@given(EXTENTS, POINTS)
def test_a_block_comes_back_as_it_was(extent: Extent, points: list[tuple[int, float, int]]) -> None:
    """Bit for bit, NaN and infinities included; a step only where the tag says so."""
    tags, values, steps = columns(points)
    frames, end = read(HEADER + encode_block(extent, tags, values, steps))
    (block,) = frames
    assert isinstance(block, Block)
    assert block.extent == extent
    assert list(block.tags) == tags
    assert struct.pack(f"{len(values)}d", *block.values) == struct.pack(f"{len(values)}d", *values)
    expected = [step if tag < 0 else NO_STEP for tag, step in zip(tags, steps, strict=True)]
    assert list(block.steps()) == expected
    assert end == len(HEADER + encode_block(extent, tags, values, steps))


@given(st.text(st.characters()), st.integers(0, 2**32 - 1))
def test_names_come_back_as_they_were(name: str, tag: int) -> None:
    """Any text is a name, lone surrogates included."""
    assert read(HEADER + encode_name(tag, name))[0] == [Name(tag, name)]


@given(st.integers(0, 99), st.integers(1, 99), st.floats(allow_nan=False), st.none() | STEPS)
def test_newest_values_come_back(attempt: int, tag: int, value: float, step: int | None) -> None:
    """With a step, or without."""
    newest = Newest(attempt, tag, value, step)
    assert read(HEADER + encode_newest(newest))[0] == [newest]


@given(st.binary(max_size=400))
def test_garbage_is_nothing(garbage: bytes) -> None:
    """No bytes make the reader raise or invent."""
    assert read(garbage)[0] == []
    frames, end = read(HEADER + garbage)
    assert frames == []
    assert end == len(HEADER)


@pytest.mark.parametrize("cut", range(len(HEADER + b"".join(some_frames()))))
def test_d11_a_file_cut_anywhere_gives_the_frames_before(cut: int) -> None:
    """Of a file that was cut anywhere, what lies whole before the cut is read, in order."""
    parts = some_frames()
    data = HEADER + b"".join(parts)
    all_frames = [told(frame) for frame in read(data)[0]]
    frames, end = read(data[:cut])
    assert [told(frame) for frame in frames] == all_frames[: len(frames)]
    ends = [len(HEADER) + sum(map(len, parts[:n])) for n in range(len(parts) + 1)]
    assert end == max([each for each in ends if each <= cut], default=0)
    assert len(frames) == (ends.index(end) if end else 0)


@given(st.data())
def test_d11_a_flipped_bit_ends_what_is_read(data: st.DataObject) -> None:
    """A flipped bit is seen: everything before it is read, and nothing from it on."""
    whole = HEADER + b"".join(some_frames())
    bit = data.draw(st.integers(8 * len(HEADER), 8 * len(whole) - 1))
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << (bit % 8)
    all_frames = [told(frame) for frame in read(whole)[0]]
    frames, end = read(bytes(damaged))
    assert end <= bit // 8
    assert len(frames) < len(all_frames)
    assert [told(frame) for frame in frames] == all_frames[: len(frames)]


def raw_frame(kind: int, payload: bytes, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    return struct.pack("<BII", kind, size, zlib.crc32(bytes([kind]) + payload)) + payload


def test_a_kind_of_a_later_version_is_passed_over() -> None:
    """A sound frame that says something new does not hide what follows."""
    frames, _ = read(HEADER + raw_frame(77, b"new") + encode_name(1, "loss"))
    assert frames == [Name(1, "loss")]


@pytest.mark.parametrize(
    "frame",
    [
        raw_frame(2, b""),
        raw_frame(2, struct.pack("<IQIdBII", 1, 0, 1, 0.0, 0, 2**31, 0)),
        raw_frame(2, struct.pack("<IQIdBII", 1, 0, 1, 0.0, 0, 0, 5) + bytes(40)),
        raw_frame(1, b"\1"),
        raw_frame(1, b"\1\0\0\0\xff\xfe"),
        raw_frame(3, b"short"),
        raw_frame(2, b"", length=2**32 - 1),
    ],
)
def test_a_sound_checksum_does_not_make_a_frame_trusted(frame: bytes) -> None:
    """Contents that contradict themselves end the file like any damage."""
    assert read(HEADER + frame + encode_name(1, "x")) == ([], len(HEADER))


def test_a_length_cannot_take_all_memory() -> None:
    """A damaged length is refused before anything is read for it."""

    class Sizes(io.BytesIO):
        asked: list[int] = []  # noqa: RUF012

        def read(self, size: int | None = -1, /) -> bytes:
            self.asked.append(size or 0)
            return super().read(size)

    list(FrameReader(Sizes(HEADER + raw_frame(2, b"", length=2**32 - 1))))
    assert max(Sizes.asked) < 1 << 20


def test_another_format_is_told_from_damage() -> None:
    """The reader says which number the file carries, and reads nothing of it."""
    reader = FrameReader(io.BytesIO(b"RPTS\x09\x00" + encode_name(1, "x")))
    assert reader.format == 9
    assert list(reader) == []
    assert FrameReader(io.BytesIO(b"PK\3\4..........")).format is None


def test_no_python_runs_for_each_point() -> None:
    """Ten thousand points cost a handful of calls: what makes 100,000 a second possible."""
    count = 10_000
    generator = random.Random(1)
    tags = [generator.choice((-1, 1)) * generator.randint(1, 8) for _ in range(count)]
    calls = 0

    def count_calls(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count_calls)
    try:
        data = encode_block(Extent(1, 0, count, 0.0, False), tags, [0.5] * count, [7] * count)
        read(HEADER + data)
    finally:
        sys.setprofile(None)
    assert calls < 200
