"""Reads from a record what delivering it takes: whose group it is, its facts, its last moment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from reporter.names import FAMILIES, GROUP_LABELS
from reporter.record import events
from reporter.record.events import Event, EventReader
from reporter.record.hold import open_file
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from reporter.record.points import Block, FrameReader
from reporter.settings.local_hub import start_ticks

_SILENCE_OF_A_DEAD_RUN = 900.0
_FACTS = FAMILIES["reporter_run_info"][0]


def events_in(folder: str) -> Iterator[Event]:
    """All events, in order."""
    try:
        descriptor = open_file(RunPaths.of_folder(folder).events, os.O_RDONLY)
    except FileNotFoundError:
        return
    with open(descriptor, "rb") as file:
        yield from EventReader(file)


def groups_in(folder: str) -> list[dict[str, str]]:
    """The groups of all attempts, the newest last."""
    starts = (event for event in events_in(folder) if event.kind == events.START)
    return [group for start in starts if _is_group(group := start.fields.get("group"))]


def is_empty(folder: str) -> bool:
    """Whether nothing was ever recorded here."""
    told = any(event.kind != events.RECORD for event in events_in(folder))
    return not told and not last_point(folder)


def facts_of(identity: Mapping[str, Any]) -> dict[str, str]:
    """The labels of the run's info, from what run.json says."""
    facts = {label: str(identity.get(label) or "") for label in _FACTS}
    environment = identity.get("environment")
    git = environment.get("git") if isinstance(environment, dict) else None
    if isinstance(git, dict):
        facts["git_commit"] = str(git.get("commit") or "")
    return facts


def may_live(record: RunRecord) -> bool:
    """Whether a run without an end may go on, where no lock tells.

    Some network file systems know no locks. Then its PID tells, on its own machine; elsewhere
    its sender lives as long as its files change, which they do while there are reports.
    """
    if record.identity.get("host", os.uname().nodename) != os.uname().nodename:
        return time.time() - _changed_at(record.folder) < _SILENCE_OF_A_DEAD_RUN
    pid, ticks = record.identity.get("pid"), record.identity.get("pid_started")
    return isinstance(pid, int) and ticks is not None and start_ticks(pid) == ticks


def _changed_at(folder: str) -> float:
    paths = RunPaths.of_folder(folder)
    found = [path for path in (paths.events, paths.points, paths.run_json) if os.path.exists(path)]
    return max(map(os.path.getmtime, found), default=0.0)


def last_point(folder: str) -> float:
    """When the newest point was drained; 0 where there is none."""
    try:
        descriptor = open_file(RunPaths.of_folder(folder).points, os.O_RDONLY)
    except FileNotFoundError:
        return 0.0
    with open(descriptor, "rb") as file:
        blocks = (frame for frame in FrameReader(file) if isinstance(frame, Block))
        return max((block.extent.time for block in blocks), default=0.0)


def last_moment(folder: str) -> float:
    """When the newest event or point was recorded: the run lived until then."""
    newest_event = max((event.time for event in events_in(folder)), default=0.0)
    return max(newest_event, last_point(folder))


def _is_group(found: object) -> TypeGuard[dict[str, str]]:
    if not isinstance(found, dict) or set(found) != set(GROUP_LABELS):
        return False
    return all(isinstance(value, str) for value in found.values())
