"""What the events of a record add up to: its parameters, its stages, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from reporter.errors import RecordDamaged
from reporter.names import DROP_REASONS, State
from reporter.record import events
from reporter.record.events import Event


@dataclass(slots=True)
class Story:
    """Grows event by event; of two that contradict each other the later one holds."""

    attempt: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    stages: list[tuple[float, str | None]] = field(default_factory=list)
    milestones: list[tuple[float, str]] = field(default_factory=list)
    notes: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    state: State = State.RUNNING
    reason: str = ""
    detail: str = ""
    start_time: float | None = None
    end_time: float | None = None
    delivered: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    dropped_before: dict[str, int] = field(default_factory=dict)
    damage: int = 0


def told(happened: Iterable[Event]) -> Story:
    """The story of these events; those that make no sense are counted as damage."""
    story = Story()
    for event in happened:
        tell = _TELLERS.get(event.kind)
        try:
            if tell is not None:
                tell(story, event)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, RecordDamaged):
                raise
            story.damage += 1
    return story


def _record(_story: Story, event: Event) -> None:
    if event.fields["format"] != events.FORMAT:
        raise RecordDamaged("events.jsonl was written by another version of run-reporter")


def _start(story: Story, event: Event) -> None:
    attempt = int(event.fields.get("attempt", 1))
    if attempt != story.attempt:
        story.dropped_before = dict(story.dropped)
    story.attempt, story.start_time = attempt, event.time
    story.state, story.reason, story.detail = State.RUNNING, "", ""
    story.end_time, story.delivered = None, False


def _end(story: Story, event: Event) -> None:
    if story.end_time is not None:
        return  # a run ends once; the first word is the one that was pushed
    story.state = State(event.fields["state"])
    story.reason, story.detail = _text(event, "reason"), str(event.fields.get("detail") or "")
    story.end_time = event.time


def _dropped(story: Story, event: Event) -> None:
    totals = {
        reason: int(event.fields[reason]) for reason in DROP_REASONS if reason in event.fields
    }
    for reason, total in totals.items():
        story.dropped[reason] = story.dropped_before.get(reason, 0) + total


def _parameter(story: Story, event: Event) -> None:
    story.parameters[_text(event, "name")] = event.fields["value"]


def _tag(story: Story, event: Event) -> None:
    story.tags[_text(event, "name")] = str(event.fields["value"])


def _stage(story: Story, event: Event) -> None:
    left = event.fields["name"] is None
    story.stages.append((event.time, None if left else _text(event, "name")))


def _milestone(story: Story, event: Event) -> None:
    story.milestones.append((event.time, _text(event, "name")))


def _note(story: Story, event: Event) -> None:
    story.notes.append((event.time, dict(event.fields["data"])))


def _artifact(story: Story, event: Event) -> None:
    story.artifacts.append({"time": event.time, **event.fields})


def _delivered(story: Story, _event: Event) -> None:
    story.delivered = story.end_time is not None


def _text(event: Event, key: str) -> str:
    found = event.fields[key]
    if not isinstance(found, str):
        raise TypeError(f"{key} is no text")
    return found


_TELLERS: dict[str, Callable[[Story, Event], None]] = {
    events.RECORD: _record,
    events.START: _start,
    events.END: _end,
    events.DROPPED: _dropped,
    events.PARAMETER: _parameter,
    events.TAG: _tag,
    events.STAGE: _stage,
    events.MILESTONE: _milestone,
    events.NOTE: _note,
    events.ARTIFACT: _artifact,
    events.DELIVERED: _delivered,
}
