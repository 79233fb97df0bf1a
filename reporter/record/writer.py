"""Writes one run's record, survives every failure of the disk, and says what it lost."""

from __future__ import annotations

import errno
import os
import time as system_time
from collections.abc import Callable, Sequence
from typing import Any

from reporter.record import events
from reporter.record.appending import Disk
from reporter.record.events import Event, NotWritable, encode_event
from reporter.record.facts import write_facts
from reporter.record.hold import RecordHeld, release
from reporter.record.paths import RunPaths
from reporter.record.points import Extent, Newest, encode_block, encode_name, encode_newest
from reporter.record.recover import open_record, sync_folders
from reporter.record.reserve import FULL, Reserve

__all__ = ["RecordHeld", "RecordWriter"]

RECORD_LIMIT = "record_limit"
RECORD_ERROR = "record_error"

_PAUSE_AFTER_ERROR = 30.0
_NEWEST_ROOM = 64 << 20  # names and newest values are written beyond the limit, up to this
_EVENTS_LIMIT = 256 << 20
_LAST_WORDS_ROOM = 1 << 20
_LAST_WORDS = (events.DROPPED, events.END, events.DELIVERED)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class RecordWriter:
    """The one writer of a record. Once made, it raises nothing; `sync` alone may be called
    from another thread.

    `recorded_to` is the place in the ring up to which this attempt's points are in the file;
    `last_problem` says why the last block is not. Raises RecordHeld, RecordDamaged or OSError
    when it cannot be made. `events_fd` is what `hold` gave.
    """

    def __init__(
        self,
        paths: RunPaths,
        *,
        limit_bytes: int,
        attempt: int = 1,
        events_fd: int | None = None,
        disk: Disk = os,
        clock: Callable[[], float] = system_time.time,
        monotonic: Callable[[], float] = system_time.monotonic,
    ) -> None:
        record = open_record(paths, attempt, events_fd, disk)
        self._points, self._events = record.points, record.events
        self._facts, self._known_names = record.facts, record.names
        self.recorded_to = record.recorded_to
        self.attempt = attempt
        self.last_problem = ""
        self.errors = 0
        self._paths, self._limit_bytes = paths, limit_bytes
        self._disk, self._clock, self._monotonic = disk, clock, monotonic
        self._refused_until = monotonic()
        self._limit_reached = False
        self._folders_synced = False
        self._due_names = bytearray()
        self._reserve = Reserve(paths.reserve, disk)
        self._reserve.fill()

    def write_run(self, data: dict[str, Any]) -> bool:
        """Adds facts to run.json. False if they could not be written."""
        facts = {**self._facts, **data}
        try:
            write_facts(self._paths.run_json, facts, self._disk)
        except OSError:
            self._facts = facts  # they go with the next ones
        except (TypeError, ValueError, RecursionError):
            pass
        else:
            self._facts = facts
            return True
        self.errors += 1
        return False

    def name(self, tag: int, name: str) -> None:
        """Says which metric a tag stands for; written with the first points that follow."""
        if self._known_names.get(tag) != name:
            self._due_names += encode_name(tag, name)
            self._known_names[tag] = name

    def points(
        self,
        start: int,
        span: int,
        time: float,
        uncertain: bool,
        tags: Sequence[int],
        values: Sequence[float],
        steps: Sequence[int],
    ) -> int:
        """Records the points of `span` slots from `start` on; how many of them it could."""
        extent = Extent(self.attempt, start, span, time, uncertain)
        if tags:
            frame = encode_block(extent, tags, values, steps)
            self.last_problem = self._append_points(frame)
            if self.last_problem:
                return 0
        self.recorded_to = max(self.recorded_to, extent.end)
        return len(tags)

    def newest(self, tag: int, value: float, step: int | None) -> bool:
        """Records a metric's newest value, where its points are not or not all recorded."""
        frame = encode_newest(Newest(self.attempt, tag, value, step))
        if self._points_size_with(frame) > self._limit_bytes + _NEWEST_ROOM:
            return False
        return self._append_frame(frame)

    def event(self, kind: str, time: float | None = None, /, **fields: Any) -> bool:
        """Records that something happened, now or at `time`. False if it could not be written."""
        try:
            line = encode_event(Event(self._clock() if time is None else time, kind, fields))
        except NotWritable:
            self.errors += 1
            return False
        last_words = kind in _LAST_WORDS
        limit = _EVENTS_LIMIT + (_LAST_WORDS_ROOM if last_words else 0)
        if self._events.end + len(line) <= limit and self._append_line(line, last_words):
            return True
        self.errors += 1
        return False

    def sync(self) -> bool:
        """Onto the disk; False if that cannot be said. May take as long as the disk likes."""
        if not self._folders_synced:
            self._folders_synced = True
            sync_folders(self._paths)
        points_are, events_are = self._points.sync(), self._events.sync()
        return points_are and events_are

    def close(self) -> None:
        """Gives the record up. What `sync` did not bring onto the disk, the system will."""
        self._reserve.release()
        self._points.close()
        release(self._events.descriptor)
        self._events.close()

    def _append_points(self, frame: bytes) -> str:
        """What stood in the way, or nothing."""
        if self._limit_reached or self._points_size_with(frame) > self._limit_bytes:
            self._limit_reached = True  # for good: a history with holes would mislead
            return RECORD_LIMIT
        if self._monotonic() < self._refused_until:
            return RECORD_ERROR
        # Points may not take the room that was given back for last words.
        if self._reserve.fill() and self._append_frame(frame):
            return ""
        self._refused_until = self._monotonic() + _PAUSE_AFTER_ERROR
        return RECORD_ERROR

    def _points_size_with(self, frame: bytes) -> int:
        return self._points.end + len(self._due_names) + len(frame)

    def _append_frame(self, frame: bytes) -> bool:
        try:
            self._points.append(bytes(self._due_names) + frame)
        except OSError:
            self.errors += 1
            return False
        self._due_names.clear()
        return True

    def _append_line(self, line: bytes, last_words: bool) -> bool:
        try:
            self._events.append(line)
        except OSError as error:
            return error.errno in _DISK_FULL and self._append_in_reserve(line, last_words)
        return True

    def _append_in_reserve(self, line: bytes, last_words: bool) -> bool:
        if not last_words and self._reserve.size <= FULL // 2:
            return False
        self._reserve.release()
        try:
            self._events.append(line)
        except OSError:
            return False
        finally:
            self._reserve.fill()
        return True
