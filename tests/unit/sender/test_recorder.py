"""Whose record a sender finds: what it must remove from the gateway, whoever was there before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reporter.board.layout import create
from reporter.record import events
from reporter.record.events import Event
from reporter.sender.recorder import Recorder

POD_A, POD_B = {"podUUID": "a"}, {"podUUID": "b"}


def opened(folder: Path, token: str) -> Recorder:
    settings = {"dir": str(folder), "project": "p", "record_limit": 1 << 30}
    run = {"id": "r", "rank": 0, "token": token, "started": 1000.0}
    return Recorder({"settings": settings, "run": run}, create(keep_points=True), None)


def started(recorder: Recorder, token: str, group: dict[str, str]) -> None:
    told: dict[str, Any] = {"attempt": recorder.attempt, "token": token, "group": group}
    recorder.event(Event(1000.0, events.START, told))
    recorder.close()


@pytest.mark.parametrize(
    ("token", "taken_over", "attempt"), [("third", False, 3), ("second", True, 2)]
)
def test_c15_the_group_of_the_attempt_before_is_known_to_every_later_sender(
    tmp_path: Path, token: str, taken_over: bool, attempt: int
) -> None:
    """A run that goes on in another pod removes the group of the attempt before, though the sender
    that began it died, or handed it over, before its first push."""
    started(opened(tmp_path, "first"), "first", POD_A)
    started(opened(tmp_path, "second"), "second", POD_B)
    later = opened(tmp_path, token)
    assert (later.taken_over, later.attempt) == (taken_over, attempt)
    assert later.earlier_group == (POD_A if taken_over else POD_B)
    later.close()


def test_a_first_attempt_has_no_group_to_remove(tmp_path: Path) -> None:
    """Nor has its successor."""
    first = opened(tmp_path, "first")
    assert first.earlier_group is None
    started(first, "first", POD_A)
    successor = opened(tmp_path, "first")
    assert (successor.taken_over, successor.earlier_group) == (True, None)
    successor.close()
