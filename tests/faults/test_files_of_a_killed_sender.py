"""Files that were to be kept when the sender died."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from reporter.record import events
from tests.processes import gone
from tests.runs import Training
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

LARGE = 400 << 20


def _part(training: Training) -> list[Path]:
    return list(training.records_folder.glob("*/*/rank-0/artifacts/*.part"))


def test_b1_a_copy_that_a_kill_interrupted_is_done_again(tmp_path: Path) -> None:
    """A file whose copy was interrupted by the sender's death is copied by its successor, whole."""
    large = tmp_path / "model.pt"
    with large.open("wb") as file:
        file.write(b"head")
        file.truncate(LARGE)
    training = Training(tmp_path, mode="offline", exit_timeout=30)
    with training.told() as told:
        told("artifact", str(large), "model")
        wait_for(lambda: _part(training), what="the copy to begin")
        os.kill(told.sender, signal.SIGKILL)
        wait_for(lambda: gone(told.sender), what="the sender to end")
        assert _part(training), "the copy was over before the kill: take a larger file"
        told.leave()
    record = training.record()
    (artifact,) = record.artifacts
    kept = Path(record.folder, artifact["path"])
    assert (artifact["name"], artifact["size"]) == ("model.pt", LARGE)
    assert kept.stat().st_size == LARGE
    with kept.open("rb") as file:
        assert file.read(4) == b"head"
    assert _part(training) == []
    assert len(training.events(events.ARTIFACT_ASKED)) == 1


def test_an_attachment_is_removed_once_it_is_recorded(tmp_path: Path) -> None:
    """What was written beside the record does not stay there."""
    training = Training(tmp_path, mode="offline")
    code = (
        "import reporter\nwith reporter.Reporter() as r:\n"
        "    with r.attach('notes.txt') as f: f.write('worked')"
    )
    beside = tmp_path / "beside"
    beside.mkdir()
    assert training.run([sys.executable, "-c", code], TMPDIR=str(beside)).code == 0
    (artifact,) = training.record().artifacts
    assert Path(training.record().folder, artifact["path"]).read_text() == "worked"
    assert list(beside.iterdir()) == []
