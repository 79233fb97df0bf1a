"""Newest values that no recorded point tells."""

from __future__ import annotations

from pathlib import Path

from reporter.board.layout import POINTS, TAIL, TAKEN, Memory, create
from reporter.board.newest import Newest
from reporter.board.reader import BLOCK
from reporter.board.ring import Ring
from reporter.names import METRIC_PREFIX
from reporter.record.load import load
from reporter.sender.artifacts import Artifacts
from reporter.sender.gauges import Gauges
from reporter.sender.intake import Intake
from reporter.sender.recorder import Recorder


def recorded(folder: Path, memory: Memory) -> tuple[Recorder, Gauges]:
    """What an intake feeds."""
    settings = {"dir": str(folder), "project": "p", "record_limit": 1 << 30}
    run = {"id": "r", "rank": 0, "token": "t", "started": 1000.0}
    recorder = Recorder({"settings": settings, "run": run}, memory, None)
    return recorder, Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=10, lease=1.0)


def test_f16_older_points_that_are_taken_later_do_not_hide_the_newest_value(tmp_path: Path) -> None:
    """A value that found the ring full stays the newest, though older points are recorded later.

    Here: while a turn takes a full ring, it is filled again, and one more value is dropped.
    """
    memory = create(keep_points=True)
    ring = Ring(memory)
    for n in range(POINTS):
        ring.report_metric("loss", n)

    def clock() -> float:
        last_block = memory.words[TAIL] == POINTS - BLOCK  # all others are handed back
        if last_block and memory.words[TAKEN] == POINTS:
            for n in range(POINTS, 2 * POINTS - BLOCK + 1):
                ring.report_metric("loss", n)
        return 1000.0

    recorder, gauges = recorded(tmp_path, memory)
    intake = Intake(memory, recorder, gauges, Artifacts(None), keep_points=True, clock=clock)
    for _ in range(2):
        intake.turn()
        intake.write_board()
    recorder.close()
    assert recorder.folder is not None
    newest = 2 * POINTS - BLOCK
    assert intake.dropped()["ring_full"] == 1
    assert gauges.newest.values == {"loss": newest}
    assert load(recorder.folder).newest == {"loss": (newest, None)}


def test_f7_a_nan_is_recorded_once(tmp_path: Path) -> None:
    """A metric that is NaN and stays so is written once, not with each turn."""
    memory = create(keep_points=False)
    newest = Newest(memory)
    newest.report_metric("loss", float("nan"), 3)
    recorder, gauges = recorded(tmp_path, memory)
    intake = Intake(memory, recorder, gauges, Artifacts(None), keep_points=False)
    points = Path(recorder.paths.points)
    sizes = []
    for _ in range(3):
        intake.reported = False
        intake.turn()
        intake.write_board()
        sizes.append((points.stat().st_size, intake.reported))
    recorder.close()
    (size, reported), *later = sizes
    assert (size > 0, reported) == (True, True)
    assert later == [(size, False)] * 2
