"""What the model found about runs that have ended; each has its own, smaller test here."""

from __future__ import annotations

from pathlib import Path

from reporter.names import State
from tests.runs import Training, child, counted


def test_c1_c20_a_child_forked_after_the_end_counts_nothing(tmp_path: Path) -> None:
    """What a forked copy reports once its parent's run is over is not counted as its parent's."""
    training = Training(tmp_path, mode="offline", exit_timeout=0.2)
    assert training.run(child("after_end.py")).code == 0
    record = training.ended_record()
    assert (record.state, counted(record)) == (State.SUCCEEDED, (1, 0))
