"""A process that has one run after another, as a sweep has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.runs import Training

SWEEP = """
import gc, os, reporter, sys
gc.disable()
points = sys.argv[1] == "points"
for number in range(4):
    with reporter.Reporter(points=points) as r:
        handle = r.metric("loss")
        for value in range(10):
            r.report_metric("accuracy", value)
            handle(value)
        r.report_metric("accuracy", 1, step="no step")
    r.report_metric("late", 1)
    handle(1)
    r.metric("later")(1)
    del r, handle
    maps = sum("run-reporter" in line for line in open("/proc/self/maps"))
    print(len(os.listdir("/proc/self/fd")), maps)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["points", "newest"])
def test_b10_c20_a_run_that_is_over_leaves_nothing_behind(way: str, tmp_path: Path) -> None:
    """A run's memory and descriptors go with its Reporter, not with the next garbage collection."""
    training = Training(tmp_path, mode="offline")
    ended = training.run([sys.executable, "-W", "ignore", "-c", SWEEP, way])
    assert ended.code == 0, ended.err
    first, *others = ended.out.splitlines()
    assert first.endswith(" 0")
    assert set(others) == {first}
