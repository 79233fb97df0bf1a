"""Rare things beside the ring: whole, in order, bounded, and an end that always has room."""

from __future__ import annotations

import json
import struct
import sys
import threading
from typing import Any

import pytest

from reporter.board.layout import (
    MESSAGES_BYTES,
    MESSAGES_END,
    MESSAGES_LOST,
    MESSAGES_TAIL,
    STATUS_SEQUENCE,
    TEXT_BYTES,
    Memory,
)
from reporter.board.messages import (
    LONGEST,
    hand_back,
    read_end,
    read_status,
    receive,
    send,
    write_end,
    write_status,
)


def of_size(size: int) -> dict[str, str]:
    """A message whose frame takes exactly this many bytes."""
    return {"x": "y" * (size - 4 - len('{"x":""}'))}


def test_messages_arrive_whole_and_in_order(memory: Memory) -> None:
    """Whatever text they hold; nothing that arrived is received again once handed back."""
    sent = [{"n": n, "text": "ü\udcff\x00" * n, "deep": [None, {"a": 1.5}]} for n in range(50)]
    for each in sent:
        assert send(memory, each)
    found, position = receive(memory)
    assert [message for _, message in found] == sent
    assert receive(memory)[0] == found  # not handed back: a successor gets them again
    hand_back(memory, position)
    assert receive(memory) == ([], position)


@pytest.mark.parametrize("overwritten", [b"\xff" * 8, b"\0" * 8, b"\x10\0\0\0[1,2"])
def test_what_was_overwritten_ends_nothing(overwritten: bytes, memory: Memory) -> None:
    """Memory that a stray pointer hit: what makes no sense is empty, and reading it ends."""
    for number in range(3):
        send(memory, {"n": number})
    size = memory.words[MESSAGES_END] // 3
    memory.messages[size : size + len(overwritten)] = overwritten
    found, position = receive(memory)
    assert found[0] == (0, {"n": 0})
    assert {} in [message for _, message in found]
    assert position == 3 * size


def test_positions_are_where_each_message_starts(memory: Memory) -> None:
    """By them a successor knows which ones are in the record."""
    for size in (20, 100, 33):
        send(memory, of_size(size))
    found, position = receive(memory)
    assert ([at for at, _ in found], position) == ([0, 20, 120], 153)
    hand_back(memory, 120)
    assert [at for at, _ in receive(memory)[0]] == [120]


def test_the_area_goes_round_many_times(memory: Memory) -> None:
    """Frames and their lengths are split at the area's border wherever it falls."""
    size, total = 10_007, 0
    borders = set()
    while total < 5 * MESSAGES_BYTES:
        for _ in range(7):
            assert send(memory, {**of_size(size - 12), "n": 0})
            borders.add((memory.words[MESSAGES_END] % MESSAGES_BYTES) < size)
        found, position = receive(memory)
        assert len(found) == 7
        assert {len(message["x"]) for _, message in found} == {len(of_size(size - 12)["x"])}
        hand_back(memory, position)
        total = position
    assert borders == {True, False}


@pytest.mark.parametrize("before", range(1, 6))
def test_a_length_that_lies_across_the_border_is_read_right(memory: Memory, before: int) -> None:
    """Its four bytes may be split between the area's end and its start."""
    start = 3 * MESSAGES_BYTES - before
    memory.words[MESSAGES_END] = memory.words[MESSAGES_TAIL] = start
    send(memory, {"a": 1})
    send(memory, {"b": 2})
    found, _ = receive(memory)
    assert [message for _, message in found] == [{"a": 1}, {"b": 2}]
    assert found[0][0] == start


def test_a_full_area_refuses(memory: Memory) -> None:
    """What is in it stays whole; as soon as it is read there is room again."""
    sent = 0
    while send(memory, of_size(LONGEST)):
        sent += 1
    assert sent == MESSAGES_BYTES // LONGEST
    assert not send(memory, {"a": 1})
    assert memory.words[MESSAGES_LOST] == 0  # who sends it knows whether it is lost or waits
    found, position = receive(memory)
    assert len(found) == sent
    hand_back(memory, position)
    assert send(memory, {"a": 1})


def test_an_area_is_used_to_its_last_byte(memory: Memory) -> None:
    """And not one further."""
    for _ in range(MESSAGES_BYTES // 4096):
        assert send(memory, of_size(4096))
    assert memory.words[MESSAGES_END] == MESSAGES_BYTES
    assert not send(memory, {})
    hand_back(memory, 5)
    assert not send(memory, {})  # it takes six
    hand_back(memory, 0)
    assert len(receive(memory)[0]) == MESSAGES_BYTES // 4096


def test_a_message_too_long_is_refused_alone(memory: Memory) -> None:
    """One huge note must not take the room of everything else."""
    assert not send(memory, {"x": "y" * LONGEST})
    assert send(memory, {"a": 1})


def test_the_end_has_room_of_its_own(memory: Memory) -> None:
    """A full message area never hides how the run ended."""
    while send(memory, of_size(5000)):
        pass
    assert read_end(memory) is None
    write_end(memory, {"state": 2, "reason": "returned", "detail": "ü" * 100})
    assert read_end(memory) == {"state": 2, "reason": "returned", "detail": "ü" * 100}


@pytest.mark.parametrize("detail", ["a" * 1000, "ü" * 1000, "\U0001f600" * 1000, "\x00" * 1000])
def test_the_longest_end_fits(memory: Memory, detail: str) -> None:
    """A detail is cut at 1000 characters; escaped as JSON it may be twelve times as long."""
    end = {"state": 3, "reason": "exception", "detail": detail}
    write_end(memory, end)
    found = read_end(memory)
    assert found is not None
    assert (found["state"], found["reason"]) == (3, "exception")


def test_the_status_is_empty_before_the_first_word(memory: Memory) -> None:
    """Then it is the newest one that was said."""
    assert read_status(memory) == {}
    write_status(memory, {"pushes": 1})
    write_status(memory, {"pushes": 2, "problem": "ü"})
    assert read_status(memory) == {"pushes": 2, "problem": "ü"}


def test_a_status_too_long_keeps_the_one_before(memory: Memory) -> None:
    """It is for a person: an old one is better than half a one."""
    write_status(memory, {"pushes": 1})
    write_status(memory, {"problem": "x" * TEXT_BYTES})
    assert read_status(memory) == {"pushes": 1}


def test_a_status_half_written_is_not_shown(memory: Memory) -> None:
    """The sender died while it wrote: none is better than a torn one; its successor's counts."""
    write_status(memory, {"pushes": 1})
    memory.words[STATUS_SEQUENCE] += 1
    raw = json.dumps({"pushes": 2}).encode()
    memory.status[:4] = struct.pack("<I", len(raw))
    assert read_status(memory) == {}
    write_status(memory, {"pushes": 3})
    assert read_status(memory) == {"pushes": 3}


@pytest.mark.slow
def test_a_status_is_never_torn(memory: Memory) -> None:
    """Read while another thread writes as fast as it can: always one of those written."""
    over = threading.Event()

    def write() -> None:
        n = 0
        while not over.is_set():
            n += 1
            write_status(memory, {"a": n, "filling": "x" * (n % 3000), "b": n})

    write_status(memory, {"a": 0, "filling": "", "b": 0})
    writer = threading.Thread(target=write)
    seen: dict[int | None, dict[str, Any]] = {}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    writer.start()
    try:
        while len(seen) < 300:
            status = read_status(memory)
            seen[status.get("a")] = status
    finally:
        over.set()
        writer.join()
        sys.setswitchinterval(interval)
    whole: list[dict[str, Any]] = [status for status in seen.values() if status]
    assert all(status["a"] == status["b"] for status in whole)
    assert all(len(status["filling"]) == status["a"] % 3000 for status in whole)


def test_an_end_that_cannot_be_read_is_an_end(memory: Memory) -> None:
    """Memory that somebody overwrote: the run is over all the same, nobody knows how."""
    write_end(memory, {"state": 2})
    memory.end[4:8] = b"\xff{{{"
    assert read_end(memory) == {}
