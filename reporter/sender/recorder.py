"""Keeps the run's record while the sender lives: opens it, takes it over, counts what it loses."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from typing import Any

from reporter.board.layout import (
    EVENTS_NOT_RECORDED,
    NOT_RECORDED,
    OVER_RECORD_LIMIT,
    RECORDED,
    SLOTS_BAD,
    SLOTS_OVERFLOWED,
    Memory,
)
from reporter.board.reader import Block
from reporter.errors import RecordDamaged
from reporter.record import events
from reporter.record.events import Event, EventReader
from reporter.record.load import load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter

_NOT_SAFE = "the disk does not say that the record is safe on it: its newest parts may be missing"


class Recorder:
    """The record of one run and rank, or the lack of one, which it counts."""

    def __init__(self, brief: dict[str, Any], memory: Memory, events_fd: int | None) -> None:
        self.notice = ""  # what a person should know about where the record is
        self.taken_over = False
        self.message_position = -1  # of the newest message that is in the record
        self.unfinished_files: list[dict[str, Any]] = []  # a sender died amid their copy
        self.earlier: list[Event] = []
        self.earlier_group: dict[str, str] | None = None
        self.attempt = 1
        self._facts_due: deque[dict[str, Any]] = deque()
        self.latest = 0.0  # when the newest event of this attempt was
        self._brief = brief
        self._words = memory.words
        self._writer, self.paths = self._open(events_fd)

    @property
    def folder(self) -> str | None:
        return None if self._writer is None else self.paths.folder

    @property
    def run_started(self) -> float:
        return float(self._brief["run"]["started"])

    @property
    def recorded_to(self) -> int:
        return 0 if self._writer is None else self._writer.recorded_to

    def earlier_newest(self) -> dict[str, tuple[float, int | None]]:
        """Newest values of what an earlier sender or attempt recorded."""
        if self._writer is None or not self.earlier:
            return {}
        try:
            return load(self.paths.folder).newest
        except (RecordDamaged, OSError):
            return {}

    def facts(self, data: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write_run(data)

    def facts_soon(self, data: dict[str, Any]) -> None:
        """With the next `sync`: a disk may take its time for them."""
        self._facts_due.append(data)

    def name(self, tag: int, name: str) -> None:
        if self._writer is not None:
            self._writer.name(tag, name)

    def block(self, block: Block, time: float, uncertain: bool) -> None:
        """Record a block of the ring and count what became of its points."""
        words, count = self._words, len(block.tags)
        recorded, problem = 0, "record_error"
        if self._writer is not None:
            recorded = self._writer.points(
                block.start, block.span, time, uncertain, block.tags, block.values, block.steps
            )
            problem = self._writer.last_problem
        words[RECORDED] += recorded
        lost = OVER_RECORD_LIMIT if problem == "record_limit" else NOT_RECORDED
        words[lost] += count - recorded
        words[SLOTS_BAD] += block.bad
        words[SLOTS_OVERFLOWED] += block.overflows

    def newest(self, tag: int, value: float, step: int | None) -> None:
        if self._writer is not None:
            self._writer.newest(tag, value, step)

    def event(self, event: Event) -> Event:
        """Record that something happened. Returns it as it is recorded."""
        event = self._in_order(event)
        if not self._write(event):
            self._words[EVENTS_NOT_RECORDED] += 1
        return event

    def note(self, event: Event) -> None:
        """Record what is no loss if it cannot be."""
        self._write(self._in_order(event))

    def _in_order(self, event: Event) -> Event:
        """A clock that is set back must not make a run's history run backwards."""
        self.latest = max(self.latest, event.time)
        return Event(self.latest, event.kind, event.fields)

    def _write(self, event: Event) -> bool:
        writer = self._writer
        return writer is not None and writer.event(event.kind, event.time, **event.fields)

    def sync(self) -> None:
        """Onto the disk; may take as long as the disk likes, in a thread of its own."""
        while self._facts_due:
            self.facts(self._facts_due.popleft())
        if self._writer is not None and not self._writer.sync():
            self.notice = self.notice or _NOT_SAFE

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _open(self, events_fd: int | None) -> tuple[RecordWriter | None, RunPaths]:
        settings, run = self._brief["settings"], self._brief["run"]
        problems = []
        for base in bases(settings["dir"]):
            paths = RunPaths(base, settings["project"], run["id"], run["rank"])
            self._read_earlier(paths)
            try:
                writer = RecordWriter(
                    paths,
                    limit_bytes=settings["record_limit"],
                    attempt=self.attempt,
                    events_fd=events_fd,
                )
            except (OSError, RecordDamaged) as error:
                problems.append(f"{base}: {getattr(error, 'strerror', None) or error}")
                events_fd = None
                continue
            if problems:
                self.notice = f"no record in {problems[0]}; it is kept in {base}"
            return writer, paths
        self.notice = f"no record is kept: {'; '.join(problems)}"
        return None, paths

    def _read_earlier(self, paths: RunPaths) -> None:
        self.earlier = list(_events_in(paths))
        starts = [event for event in self.earlier if event.kind == events.START]
        self.attempt, self.taken_over, self.earlier_group = 1, False, None
        if not starts:
            return
        last = starts[-1]
        self.taken_over = last.fields.get("token") == self._brief["run"]["token"]
        # Its group may still be there: whoever we take over from had perhaps not pushed yet.
        before = starts[:-1] if self.taken_over else starts
        self.earlier_group = before[-1].fields.get("group") if before else None
        attempt = last.fields.get("attempt", 1)
        self.attempt = int(attempt) + (0 if self.taken_over else 1)
        if self.taken_over:
            this_attempt = self.earlier[self.earlier.index(last) :]
            self.latest = max(event.time for event in this_attempt)
            positions = (event.fields.get("n", -1) for event in this_attempt)
            self.message_position = max(positions, default=-1)
            self.unfinished_files = _unfinished(this_attempt)


def _unfinished(happened: list[Event]) -> list[dict[str, Any]]:
    """The files that were asked for and of which nothing else is told."""
    asked = {e.fields.get("n"): e.fields for e in happened if e.kind == events.ARTIFACT_ASKED}
    for event in happened:
        if event.kind in (events.ARTIFACT, events.ARTIFACT_FAILED):
            asked.pop(event.fields.get("n"), None)
    return list(asked.values())


def _events_in(paths: RunPaths) -> Iterator[Event]:
    try:
        with open(paths.events, "rb") as file:
            yield from EventReader(file)
    except OSError:
        return


def bases(wanted: str) -> list[str]:
    """Where a record may go: where it should, else where this user surely can write."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    temporary = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    own = f"reporter_runs-{os.getuid()}"
    return [wanted, os.path.join(state, "reporter_runs"), os.path.join(temporary, own)]
