"""Files on their way into a record: none is forgotten by a thread that was about to end."""

from __future__ import annotations

from pathlib import Path

from reporter.record import events
from reporter.sender.artifacts import Artifacts
from reporter.sender.background import Background
from tests.waiting import wait_for


def asked(path: Path) -> dict[str, str]:
    path.write_text("text")
    return {"name": path.name, "kind": "other", "path": str(path)}


def test_b4_a_file_that_came_while_the_thread_was_ending_is_copied(tmp_path: Path) -> None:
    """A file that is asked for at the moment at which the last copy ends is copied a turn later."""
    artifacts = Artifacts(str(tmp_path / "artifacts"))
    # As the thread leaves it that found nothing to do just before a file came.
    artifacts._waiting.append(asked(tmp_path / "late.txt"))
    artifacts._thread = ended = Background(lambda: None, "artifacts")
    ended.start()
    ended.join()
    (event,) = wait_for(artifacts.done, what="the copy")
    assert (event.kind, event.fields["name"]) == (events.ARTIFACT, "late.txt")
    assert not artifacts.busy
