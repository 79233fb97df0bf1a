"""What comes while a turn is at work: nothing of it is lost."""

from __future__ import annotations

from pathlib import Path

from reporter.board.layout import create
from reporter.board.reader import BLOCK
from reporter.board.ring import Ring
from reporter.names import METRIC_PREFIX
from reporter.record.load import load
from reporter.sender.artifacts import Artifacts
from reporter.sender.gauges import Gauges
from reporter.sender.intake import Intake
from reporter.sender.recorder import Recorder


def test_f15_a_name_that_comes_amid_a_turn_is_known_with_its_first_point(tmp_path: Path) -> None:
    """A new name is recorded and shown from its first value on, whenever that comes.

    Here: after the turn has taken the names, and before it takes the last points.
    """
    memory = create(keep_points=True)
    ring = Ring(memory)
    for n in range(BLOCK):
        ring.report_metric("early", n)
    turning = False

    def clock() -> float:
        if turning and "late" not in ring.tags:
            ring.report_metric("late", 0.5)
        return 1000.0

    settings = {"dir": str(tmp_path), "project": "p", "record_limit": 1 << 30}
    run = {"id": "r", "rank": 0, "token": "t", "started": 1000.0}
    recorder = Recorder({"settings": settings, "run": run}, memory, None)
    gauges = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=10, lease=1.0)
    intake = Intake(memory, recorder, gauges, Artifacts(None), keep_points=True, clock=clock)
    turning = True
    intake.turn()
    recorder.close()
    assert recorder.folder is not None
    assert gauges.newest.values == {"early": BLOCK - 1, "late": 0.5}
    assert load(recorder.folder).newest == {"early": (BLOCK - 1, None), "late": (0.5, None)}
