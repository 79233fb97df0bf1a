"""The lines of events.jsonl: strict JSON out, anything in."""

from __future__ import annotations

import io
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reporter.record.events import (
    NOTE,
    TAG,
    Event,
    EventReader,
    NotWritable,
    encode_event,
    last_line_end,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters())
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def read(data: bytes) -> tuple[list[Event], int]:
    reader = EventReader(io.BytesIO(data))
    return list(reader), reader.damage


@example(1.0, {"text": "\udcff\u2028\n\0"})
@given(st.floats(0, 1e10), st.dictionaries(st.text(min_size=3), JSON, max_size=4))
def test_events_come_back_as_they_were(time: float, data: dict[str, object]) -> None:
    """One line each, whatever text is in them."""
    event = Event(time, NOTE, {"data": data})
    line = encode_event(event)
    assert line.count(b"\n") == 1
    assert read(line) == ([event], 0)


def test_what_json_cannot_say_is_said_in_words() -> None:
    """NaN and infinities become text: the file is strict JSON for every reader."""
    numbers = {"a": math.nan, "b": [math.inf, (-math.inf,)], "c": 1.5}
    line = encode_event(Event(1.0, NOTE, {"data": numbers}))

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    found = json.loads(line, parse_constant=refuse)
    assert found["data"] == {"a": "NaN", "b": ["+Inf", ["-Inf"]], "c": 1.5}


def test_time_and_kind_cannot_be_forged_by_fields() -> None:
    """A field called t or e does not replace the event's own."""
    ((event,), _) = read(encode_event(Event(1.0, TAG, {"t": 9.0, "e": "end", "name": "x"})))
    assert event == Event(1.0, TAG, {"name": "x"})


def nested(depth: int) -> object:
    found: object = 1
    for _ in range(depth):
        found = [found]
    return found


def circular() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


@pytest.mark.parametrize("data", [object(), nested(100_000), circular(), "x" * (5 << 20)])
def test_what_cannot_be_written_is_refused(data: object) -> None:
    """With one error of ours, whatever is wrong with it."""
    with pytest.raises(NotWritable):
        encode_event(Event(1.0, NOTE, {"data": data}))


def test_the_kinds_are_a_closed_set() -> None:
    """A kind that readers do not know is a mistake of the writer."""
    with pytest.raises(NotWritable, match="surprise"):
        encode_event(Event(1.0, "surprise"))


BAD_LINES = [
    b"",
    b"no json",
    b"[1, 2]",
    b'{"t": 1.0}',
    b'{"e": "tag"}',
    b'{"t": "1", "e": "tag"}',
    b'{"t": true, "e": "tag"}',
    b'{"t": 1, "e": ["tag"]}',
    b'{"t": NaN, "e": "tag"}',
    b'{"t": 1e999, "e": "tag"}',
    b'{"t": 1, "e": "tag", "x": ' + b"1" * 6000 + b"}",
    b'{"t": 1, "e": "tag", "x": ' + b"[" * 100_000 + b"}",
    b"\0" * 4096,
    b"\xff\xfe",
    b" " * (9 << 20),
    b" " * (4 << 20) + b'{"t": 1, "e": "tag", "name": "invented"}',
]


@pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
def test_bad_lines_are_skipped_and_counted(bad: bytes) -> None:
    """Each costs itself and nothing else."""
    good = encode_event(Event(1.0, TAG, {"name": "a"}))
    assert read(good + bad + b"\n" + good) == ([Event(1.0, TAG, {"name": "a"})] * 2, 1)


@given(st.binary(max_size=300))
def test_garbage_never_raises(garbage: bytes) -> None:
    """And a line behind it is read."""
    events, _ = read(garbage + b"\n" + encode_event(Event(1.0, TAG, {"name": "a"})))
    assert events[-1] == Event(1.0, TAG, {"name": "a"})


def test_d11_a_torn_last_line_is_no_damage() -> None:
    """A line that death left half written hides none of the lines before it."""
    line = encode_event(Event(1.0, TAG, {"name": "a"}))
    for cut in range(1, len(line)):
        assert read(line + line[:cut]) == ([Event(1.0, TAG, {"name": "a"})], 0)


@given(st.lists(st.binary(max_size=9)), st.integers(0, 200_000))
def test_the_end_of_the_last_line_is_found(parts: list[bytes], tail: int) -> None:
    """However long what is torn behind it."""
    data = b"\n".join(parts) + b"x" * tail
    assert last_line_end(io.BytesIO(data)) == data.rfind(b"\n") + 1
