"""The demo, as `make demo` runs it where there is no terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record.load import find_records, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.service
def test_the_demo_ends_by_itself_and_shows_what_arrived(tmp_path: Path) -> None:
    """Exit code 0 within a minute; the model has learnt, and the gateway showed it."""
    started = time.monotonic()
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert time.monotonic() - started < 60
    shown = dict(line.split(None, 1) for line in ran.stdout.splitlines() if line.startswith("  "))
    assert shown["state"] == "succeeded"
    assert float(shown["val_accuracy"]) > 0.85
    (folder,) = find_records(str(tmp_path / "reporter_runs"))
    record = load(folder)
    assert record.state is State.SUCCEEDED
    assert record.delivered
    assert record.points["loss"].values[-1] < record.points["loss"].values[0]
    assert [name for _, name in record.milestones] == ["data ready", "trained"]
    assert [one["name"] for one in record.artifacts] == ["model.json"]
