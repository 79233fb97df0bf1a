"""How a training loop goes on, on a real Pushgateway and in the record."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.runs import Training
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

LOOP = """
import os, sys, reporter
with reporter.Reporter() as r:
    r.uses("looper", "1.2")
    r.pace.expect(8)
    for n in range(4):
        r.pace.step(samples=16)
        r.pace.spent("compute", 0.25)
        r.report_metric("loss", 0.5)
    if os.fork() == 0:
        r.pace.step(samples=1000)
        os._exit(0)
    os.wait()
    if "fail" in sys.argv:
        raise SystemExit(3)
r.pace.step(samples=1000)
"""


def test_a_loop_and_its_continuation(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Steps, samples and seconds arrive, and go on where a continued run left off; what a forked
    child says, or what comes after the end, counts for nothing."""
    training = Training(tmp_path, pushgateway.url, run="paced")
    assert training.run([sys.executable, "-c", LOOP, "fail"]).code == 3
    group = training.group()
    assert group.value("reporter_steps_total") == group.value("reporter_run_step") == 4
    assert group.value("reporter_run_progress_ratio") == 0.5
    assert group.value("reporter_run_info", framework="looper 1.2") == 1
    assert training.run([sys.executable, "-c", LOOP]).code == 0
    group = training.group()
    assert group.value("reporter_run_attempt") == 2
    assert (group.value("reporter_steps_total"), group.value("reporter_samples_total")) == (8, 128)
    assert group.value("reporter_step_seconds_total", phase="compute") == 2
    assert group.value("reporter_run_progress_ratio") == 1
    assert group.value("reporter_run_steps") == 12


def test_what_was_not_delivered_is_by_push(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """`reporter push` reads it from the record."""
    training = Training(tmp_path, pushgateway.url, run="later")
    command = [sys.executable, "-c", LOOP, "fail"]
    assert training.run(command, REPORTER_MODE="offline").code == 3
    reporter = str(Path(sys.executable).with_name("reporter"))
    assert training.run([reporter, "push", str(training.records_folder)]).code == 0
    group = training.group()
    assert (group.value("reporter_steps_total"), group.value("reporter_run_steps")) == (4, 8)
    assert group.value("reporter_run_progress_ratio") == 0.5
    assert group.value("reporter_run_info", framework="looper 1.2") == 1
