"""Rare things on their way to the sender: framed JSON in a circular area of the shared memory."""

from __future__ import annotations

import json
import struct

from reporter.board.layout import (
    ENDED,
    MESSAGES_BYTES,
    MESSAGES_END,
    MESSAGES_TAIL,
    STATUS_SEQUENCE,
    TEXT_BYTES,
    Memory,
)

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

_LENGTH = struct.Struct("<I")
LONGEST = 256 << 10


def encode(message: dict[str, Any]) -> bytes | None:
    """The message as it travels; None if it is too long ever to do so."""
    raw = json.dumps(message, separators=(",", ":")).encode("ascii")
    return raw if len(raw) <= LONGEST else None


def send(memory: Memory, message: dict[str, Any]) -> bool:
    """Append a message; False if it is too long, or there is no room."""
    raw = encode(message)
    return raw is not None and send_encoded(memory, raw)


def send_encoded(memory: Memory, raw: bytes) -> bool:
    """Append an encoded message; False if there is no room. One caller at a time."""
    words = memory.words
    end, size = words[MESSAGES_END], _LENGTH.size + len(raw)
    if end + size - words[MESSAGES_TAIL] > MESSAGES_BYTES:
        return False
    _copy_in(memory.messages, end, _LENGTH.pack(len(raw)) + raw)
    words[MESSAGES_END] = end + size  # last: what lies before it is whole
    return True


def receive(memory: Memory) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """All waiting messages, each with its position, and where to hand back to once recorded.

    One that makes no sense comes empty; if its length makes none either, it is all that is left.
    """
    at, end = memory.words[MESSAGES_TAIL], memory.words[MESSAGES_END]
    found = []
    while at < end:
        (length,) = _LENGTH.unpack(_copy_out(memory.messages, at, _LENGTH.size))
        length = max(0, min(length, end - at - _LENGTH.size))
        found.append((at, _decoded(_copy_out(memory.messages, at + _LENGTH.size, length))))
        at = min(at + _LENGTH.size + length, end)
    return found, at


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def hand_back(memory: Memory, position: int) -> None:
    """Make room for new messages up to `position`."""
    memory.words[MESSAGES_TAIL] = position


def write_end(memory: Memory, end: dict[str, Any]) -> None:
    """Say how the run ended. It has room of its own: a full message area never hides an end."""
    raw = json.dumps(end).encode("ascii")
    if len(raw) > TEXT_BYTES - _LENGTH.size:  # state and reason always fit
        raw = json.dumps({**end, "detail": ""}).encode("ascii")
    memory.end[: _LENGTH.size + len(raw)] = _LENGTH.pack(len(raw)) + raw
    memory.words[ENDED] = 1


def read_end(memory: Memory) -> dict[str, Any] | None:
    """How the run ended, once its Reporter has said so; empty where that cannot be read."""
    if not memory.words[ENDED]:
        return None
    try:
        return _text_in(memory.end)
    except ValueError:  # memory that somebody overwrote
        return {}


def write_status(memory: Memory, status: dict[str, Any]) -> None:
    """Show the trainer's side how the sender stands; only the sender calls this."""
    raw = json.dumps(status).encode("ascii")
    if len(raw) > TEXT_BYTES - _LENGTH.size:
        return
    sequence = memory.words[STATUS_SEQUENCE] | 1
    memory.words[STATUS_SEQUENCE] = sequence
    memory.status[: _LENGTH.size + len(raw)] = _LENGTH.pack(len(raw)) + raw
    memory.words[STATUS_SEQUENCE] = sequence + 1


def read_status(memory: Memory) -> dict[str, Any]:
    """How the sender stands; empty before its first word."""
    for _ in range(100):
        before = memory.words[STATUS_SEQUENCE]
        try:
            found = _text_in(memory.status)
        except ValueError:
            found = None
        if found is not None and not before & 1 and memory.words[STATUS_SEQUENCE] == before:
            return found
        if not before:
            return {}
    return {}


def _text_in(area: memoryview) -> dict[str, Any] | None:
    (length,) = _LENGTH.unpack(area[: _LENGTH.size])
    if not 0 < length <= TEXT_BYTES:
        return None
    found = json.loads(bytes(area[_LENGTH.size : _LENGTH.size + length]))
    return found if isinstance(found, dict) else None


def _copy_in(area: memoryview, position: int, raw: bytes) -> None:
    start = position % MESSAGES_BYTES
    first = raw[: MESSAGES_BYTES - start]
    area[start : start + len(first)] = first
    area[: len(raw) - len(first)] = raw[len(first) :]


def _copy_out(area: memoryview, position: int, size: int) -> bytes:
    start = position % MESSAGES_BYTES
    first = bytes(area[start : min(start + size, MESSAGES_BYTES)])
    return first + bytes(area[: size - len(first)])
