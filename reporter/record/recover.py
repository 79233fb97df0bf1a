"""Opens a record for writing in whatever state the last writer's death left it."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from typing import Any

from reporter.errors import RecordDamaged
from reporter.record.appending import AppendingFile, Disk
from reporter.record.events import FORMAT, RECORD, Event, encode_event, last_line_end
from reporter.record.facts import OtherVersion, read_facts
from reporter.record.hold import close_file, hold, open_file, release
from reporter.record.paths import RunPaths
from reporter.record.points import FORMAT as POINTS_FORMAT
from reporter.record.points import HEADER, Block, FrameReader, Name


@dataclass(frozen=True, slots=True)
class Recovered:
    """A record's files, cut to what is whole, and what they say already."""

    points: AppendingFile
    events: AppendingFile
    facts: dict[str, Any]
    names: dict[int, str]
    recorded_to: int


@dataclass(slots=True)
class _Scan:
    """What points.bin holds that its next writer needs to know."""

    end: int = 0
    recorded_to: int = 0
    names: dict[int, str] = field(default_factory=dict)


def open_record(paths: RunPaths, attempt: int, events_fd: int | None, disk: Disk) -> Recovered:
    """Holds the record and cuts what is torn. Raises RecordHeld, RecordDamaged or OSError."""
    descriptor = hold(paths) if events_fd is None else events_fd
    opened = [descriptor]
    try:
        _write_where_told(descriptor)
        facts = _facts_so_far(paths)
        opened.append(open_file(paths.points))
        scan = _scan(opened[-1], paths.points, attempt)
        points = _file(opened[-1], scan.end, HEADER, disk)
        with open(descriptor, "rb", closefd=False) as file:
            end = last_line_end(file)
        events = _file(descriptor, end, encode_event(Event(0, RECORD, {"format": FORMAT})), disk)
    except BaseException:
        release(descriptor)
        for each in opened:
            close_file(each)
        raise
    return Recovered(points, events, facts, scan.names, scan.recorded_to)


def sync_folders(paths: RunPaths) -> None:
    """A file is on the disk only once the folders that lead to it are."""
    folder = os.path.abspath(paths.folder)
    for _ in range(4):  # rank, run, project, base
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.fsync(descriptor)
        except OSError:  # some file systems refuse, and need it not
            pass
        finally:
            close_file(descriptor)
        folder = os.path.dirname(folder)


def _write_where_told(descriptor: int) -> None:
    # With O_APPEND, Linux ignores the offset that pwrite is given.
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~os.O_APPEND)


def _scan(descriptor: int, path: str, attempt: int) -> _Scan:
    found = _Scan()
    with open(descriptor, "rb", closefd=False) as file:
        reader = FrameReader(file)
        if reader.format not in (None, POINTS_FORMAT):
            raise OtherVersion(f"{path}: was written by another version of run-reporter")
        for frame in reader:
            if isinstance(frame, Name):
                found.names[frame.tag] = frame.name
            elif isinstance(frame, Block) and frame.extent.attempt == attempt:
                found.recorded_to = max(found.recorded_to, frame.extent.end)
        found.end = reader.good_end
    return found


def _file(descriptor: int, end: int, first: bytes, disk: Disk) -> AppendingFile:
    file = AppendingFile(descriptor, end, disk)
    if not end:
        file.append(first)
    return file


def _facts_so_far(paths: RunPaths) -> dict[str, Any]:
    try:
        return read_facts(paths.run_json)
    except OtherVersion:
        raise
    except RecordDamaged:
        return {}  # a damaged run.json is replaced by the next one
