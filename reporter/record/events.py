"""The format of events.jsonl: one strict JSON object a line, each with its time and its kind."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

FORMAT = 1

RECORD = "record"  # the first line: the number of the format
START = "start"
PARAMETER = "parameter"
TAG = "tag"
STAGE = "stage"
MILESTONE = "milestone"
NOTE = "note"
FRAMEWORK = "framework"
PACE = "pace"  # steps, samples and where their time went, so far
ARTIFACT_ASKED = "artifact_asked"  # until one of the next two follows, with the same `n`
ARTIFACT = "artifact"
ARTIFACT_FAILED = "artifact_failed"
DROPPED = "dropped"
SENDER = "sender"
END = "end"
DELIVERED = "delivered"
NOTICE = "notice"
_STORY = (RECORD, START, PARAMETER, TAG, STAGE, MILESTONE, NOTE, FRAMEWORK, PACE)
_FILES = (ARTIFACT_ASKED, ARTIFACT, ARTIFACT_FAILED)
KINDS = frozenset((*_STORY, *_FILES, DROPPED, SENDER, END, DELIVERED, NOTICE))

_LINE_LIMIT = 4 << 20
_OWN_KEYS = ("t", "e")


class NotWritable(ValueError):
    """What an event holds cannot be told in JSON."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    time: float
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)


def encode_event(event: Event) -> bytes:
    """One line. Raises NotWritable for what is no JSON, or too deep, or too long."""
    if event.kind not in KINDS:
        raise NotWritable(f"no such kind of event: {event.kind!r}")
    told = {"t": event.time, "e": event.kind}
    told.update((key, value) for key, value in event.fields.items() if key not in _OWN_KEYS)
    try:
        text = _json(told)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotWritable(str(error)) from error
    # A lone surrogate becomes \udcXX, which inside a JSON string means just that.
    line = text.encode("utf-8", "backslashreplace") + b"\n"
    if len(line) > _LINE_LIMIT:
        raise NotWritable(f"a line of {len(line)} bytes is too long")
    return line


class EventReader:
    """Yields what is sound; `damage` counts the lines that are not. A torn last line is none."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.damage = 0

    def __iter__(self) -> Iterator[Event]:
        whole = True  # false inside a line too long to be one of ours
        while line := self._next_piece():
            ended = line.endswith(b"\n")
            event = _decoded(line) if whole and ended else None
            if event is not None:
                yield event
            elif ended:
                self.damage += 1
            whole = ended

    def _next_piece(self) -> bytes:
        try:
            return self._stream.readline(_LINE_LIMIT)
        except OSError:  # a bad sector ends what can be read
            self.damage += 1
            return b""


def last_line_end(stream: BinaryIO) -> int:
    """The offset behind the last whole line: what comes after it was torn."""
    at = stream.seek(0, 2)
    while at > 0:
        size = min(at, 1 << 16)
        at = stream.seek(at - size)
        newline = stream.read(size).rfind(b"\n")
        if newline >= 0:
            return at + newline + 1
    return 0


def _decoded(line: bytes) -> Event | None:
    try:
        found = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    time, kind = found.pop("t", None), found.pop("e", None)
    timed = isinstance(time, (int, float)) and not isinstance(time, bool)
    if not timed or not isinstance(kind, str) or abs(time) > 1e15:
        return None
    return Event(float(time), kind, found)


def _json(told: Mapping[str, object]) -> str:
    try:
        return _dumped(told)
    except ValueError:  # most often a NaN; what else it is, the second try says
        return _dumped(_speakable(told))


def _dumped(told: object) -> str:
    return json.dumps(told, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _speakable(told: object) -> object:
    if isinstance(told, float) and not math.isfinite(told):
        return "NaN" if math.isnan(told) else "+Inf" if told > 0 else "-Inf"
    if isinstance(told, Mapping):
        return {key: _speakable(value) for key, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [_speakable(value) for value in told]
    return told


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
