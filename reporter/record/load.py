"""Reads records, in whatever state a crash left them, without changing or executing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reporter.errors import RecordDamaged
from reporter.names import State
from reporter.record.events import EventReader
from reporter.record.facts import OtherVersion, read_facts
from reporter.record.hold import is_held, open_file
from reporter.record.paths import RunPaths, rank_in
from reporter.record.points import FORMAT, Frame, FrameReader
from reporter.record.series import Points, read_newest, read_points
from reporter.record.story import Story, told

__all__ = ["Points", "RunRecord", "find_records", "is_held", "load"]

_BUFFER = 1 << 20


@dataclass(frozen=True)
class RunRecord:
    """One run and rank, as its record tells it; `points` and `newest` are read when asked for.

    Times and the end are those of the newest attempt; `dropped` adds up all attempts.
    """

    folder: str
    identity: dict[str, Any]
    attempt: int
    parameters: dict[str, Any]
    tags: dict[str, str]
    stages: list[tuple[float, str | None]]
    milestones: list[tuple[float, str]]
    notes: list[tuple[float, dict[str, Any]]]
    artifacts: list[dict[str, Any]]
    state: State
    reason: str
    detail: str
    start_time: float | None
    end_time: float | None
    delivered: bool
    dropped: dict[str, int]
    damaged_lines: int

    @cached_property
    def points(self) -> dict[str, Points]:
        """Every point of every metric, by its name."""
        return read_points(_frames(self._points_path))

    @cached_property
    def newest(self) -> dict[str, tuple[float, int | None]]:
        """The newest value and step of every metric; the file is read without being kept."""
        return read_newest(_frames(self._points_path))

    @cached_property
    def damage(self) -> int:
        """How many lines of events and bytes of points could not be read."""
        return self.damaged_lines + _damaged_bytes(self._points_path)

    @property
    def _points_path(self) -> str:
        return RunPaths.of_folder(self.folder).points


def load(rank_folder: str) -> RunRecord:
    """The record in this folder. Raises RecordDamaged if it is none."""
    folder = os.fspath(rank_folder)
    paths = RunPaths.of_folder(folder)
    if not _is_record(folder):
        raise RecordDamaged(f"{folder}: holds no record of a run (no run.json, no events.jsonl)")
    identity, damage = _identity(paths)
    _check_format(paths.points)
    story = _story(paths.events)
    facts = {name: getattr(story, name) for name in _TOLD}
    return RunRecord(folder, identity, **facts, damaged_lines=damage + story.damage)


def find_records(base: str) -> list[str]:
    """The folders of all records below a base, sorted by run id; none where there is no base."""
    found = [
        (run, project, rank, os.path.join(base, project, run, name))
        for project in _folders(base)
        for run in _folders(os.path.join(base, project))
        for name in _folders(os.path.join(base, project, run))
        if (rank := rank_in(name)) is not None
    ]
    return [folder for *_, folder in sorted(found) if _is_record(folder)]


_TOLD = tuple(name for name in RunRecord.__dataclass_fields__ if name in Story.__dataclass_fields__)


def _is_record(folder: str) -> bool:
    paths = RunPaths.of_folder(folder)
    return os.path.isfile(paths.run_json) or os.path.isfile(paths.events)


def _identity(paths: RunPaths) -> tuple[dict[str, Any], int]:
    try:
        return read_facts(paths.run_json), 0
    except OtherVersion:
        raise
    except RecordDamaged:
        return {}, 1  # what the events and points say is worth having without it


def _story(path: str) -> Story:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return Story()
    except OSError as error:
        raise RecordDamaged(f"{path}: {error.strerror}") from error
    with open(descriptor, "rb", _BUFFER) as file:
        reader = EventReader(file)
        story = told(reader)
        story.damage += reader.damage
    return story


def _frames(path: str) -> Iterator[Frame]:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return
    with open(descriptor, "rb", _BUFFER) as file:
        yield from FrameReader(file)


def _damaged_bytes(path: str) -> int:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return 0
    with open(descriptor, "rb", _BUFFER) as file:
        size = os.fstat(file.fileno()).st_size  # before reading: its writer may be alive
        reader = FrameReader(file)
        for _ in reader:
            pass
    return max(0, size - reader.good_end)


def _check_format(path: str) -> None:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return
    with open(descriptor, "rb") as file:
        if FrameReader(file).format not in (None, FORMAT):
            raise OtherVersion(f"{path}: was written by another version of run-reporter")


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
