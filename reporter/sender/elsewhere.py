"""Finds out whether a run went on in another place, where its own folder was out of reach."""

from __future__ import annotations

import os
from collections.abc import Iterable

from reporter.errors import RecordDamaged
from reporter.record import events
from reporter.record.load import RunRecord, load
from reporter.record.paths import RunPaths
from reporter.sender.recorder import bases
from reporter.sender.remains import events_in, last_moment


def goes_on_elsewhere(record: RunRecord, wanted: str) -> bool:
    """Whether another record of the same run and rank tells what came after this one.

    It is looked for in the wanted folder of records, and where it would be kept instead.
    """
    return any(_is_later(other, record) for other in _others(record, wanted))


def _others(record: RunRecord, wanted: str) -> Iterable[RunRecord]:
    folder = os.path.abspath(record.folder)
    base = RunPaths.of_folder(folder).base
    for each in dict.fromkeys([*bases(base), os.path.abspath(wanted)]):
        place = os.path.join(each, os.path.relpath(folder, base))
        if place == folder or not os.path.isdir(place):
            continue
        try:
            if _owner(place) in (os.geteuid(), _owner(folder)):  # not one that somebody laid there
                yield load(place)
        except (OSError, RecordDamaged):
            continue  # what cannot be read tells nothing


def _owner(path: str) -> int:
    return os.stat(path).st_uid


def _is_later(other: RunRecord, record: RunRecord) -> bool:
    theirs, ours = _tokens(other), _tokens(record)
    if not theirs or not ours:
        return bool(theirs)
    if theirs[-1] == ours[-1]:  # one attempt, whose sender had a successor
        return _age(other) > _age(record)
    if ours[-1] in theirs or theirs[-1] in ours:
        return ours[-1] in theirs
    return (other.start_time or 0.0) > (record.start_time or 0.0)


def _tokens(record: RunRecord) -> list[str]:
    """What tells its attempts from those of other records."""
    starts = (event for event in events_in(record.folder) if event.kind == events.START)
    return [str(start.fields.get("token", "")) for start in starts]


def _age(record: RunRecord) -> tuple[bool, float]:
    return record.end_time is not None, last_moment(record.folder)
