"""What is known of a life with a problem, in one line: what it was to do, what befell it, and when,
and what there is to be found of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reporter.record import events
from reporter.record.events import EventReader
from tests.soak.life import Life, Plan

RECORDS_TOLD, FILES_TOLD = 3, 12
_TOLD = (events.START, events.SENDER, events.END, events.DELIVERED)


def befallen(life: Life, records: Path) -> str:
    """All of it; `records` is the folder of its project, which need not be there."""
    found = sorted(path.parent for path in records.rglob("events.jsonl"))
    said = life.ledger.said or "nothing"
    parts = [
        f"life {life.number}, run {life.ledger.run or 'none'}, was to {_in_words(life.plan)}",
        f"it lived {life.ended - life.began:.2f} s and ended with code {life.code}",
        f"befallen: {', '.join(life.befallen) or 'nothing'}",
        f"it said {said}, and {'had' if life.ledger.left else 'had not'} left the scope",
        *(f"events: {', '.join(_events(folder))}" for folder in found[:RECORDS_TOLD]),
        *(f"in {folder}: {_files(folder)}" for folder in found[:RECORDS_TOLD] or [records]),
        f"in {life.folder}: {_files(life.folder)}",
    ]
    return "; ".join(parts)


def _in_words(plan: Plan) -> str:
    left = f"train for {plan.seconds:.2f} s and end by {plan.way}"
    if not plan.moment:
        return left
    since = "it began to leave" if plan.moment == "leaving" else "its start"
    return f"{left}, and to be killed {plan.after:.2f} s after {since}"


def _events(record: Path) -> Iterator[str]:
    """When each sender and each end came, after the run's start."""
    started = 0.0
    with (record / "events.jsonl").open("rb") as file:
        for event in EventReader(file):
            if event.kind in _TOLD:
                started = started or event.time
                yield f"{event.kind} {event.fields.get('reason', '')}".rstrip() + (
                    f" +{event.time - started:.2f} s"
                )


def _files(folder: Path) -> str:
    """Each with its size, and the last line of what was written for a person."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    found.sort(key=lambda path: (len(path.parts), path))  # those of an artifact last
    shown = [f"{path.relative_to(folder)} {_told(path)}" for path in found[:FILES_TOLD]]
    more = [f"and {len(found) - FILES_TOLD} more"] if len(found) > FILES_TOLD else []
    return ", ".join(shown + more) or "nothing"


def _told(path: Path) -> str:
    size = os.path.getsize(path)
    if not size or path.name not in ("err", "sender.log"):
        return f"({size})"
    return f"({size}, at last {path.read_text(errors='replace').splitlines()[-1]!r})"
