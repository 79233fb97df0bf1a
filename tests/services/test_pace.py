"""How a training loop goes on, on a real Pushgateway and in the record."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from reporter.record import events
from tests.processes import gone
from tests.runs import Training
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

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
WAITS = """
import sys, reporter
with reporter.Reporter() as r:
    r.pace.step(steps=4)
    print(r.status()["sender"], flush=True)
    sys.stdin.read()
"""


def test_a_loop_and_its_continuation(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Steps, samples and seconds arrive, and go on where a continued run left off; what a forked
    child says, or what comes after the end, counts for nothing."""
    training = Training(tmp_path, pushgateway.url, run="paced")
    assert training.run([sys.executable, "-c", LOOP, "fail"]).code == 3
    group = training.group()
    first = group.value("reporter_run_last_step_time_seconds") or 0.0
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
    assert first < (group.value("reporter_run_last_step_time_seconds") or 0.0) <= time.time()
    assert (group.value("reporter_run_step_interval_seconds") or 0.0) < 60


def test_a_loop_that_died_with_its_sender(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """What the record was told while it went on is where a continued run goes on from."""
    training = Training(tmp_path, pushgateway.url, run="both_died")
    with training.started([sys.executable, "-c", WAITS]) as process:
        assert process.stdout is not None
        sender = int(process.stdout.readline())
        wait_for(lambda: training.events(events.PACE), what="the pace in the record")
        for pid in (sender, process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: gone(sender), what="the sender's end")
    assert training.events(events.END) == []
    assert training.run([sys.executable, "-c", LOOP]).code == 0
    group = training.group()
    assert (group.value("reporter_run_attempt"), group.value("reporter_steps_total")) == (2, 8)


def test_where_nothing_is_paced_the_record_tells_nothing(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """No event, and no family."""
    training = Training(tmp_path, pushgateway.url, run="unpaced")
    code = "import reporter\nwith reporter.Reporter() as r: r.report_metric('loss', 1)"
    assert training.run([sys.executable, "-c", code]).code == 0
    assert training.events(events.PACE) == []
    assert training.group().value("reporter_steps_total") is None


def test_what_was_not_delivered_is_by_push(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """`reporter push` reads it from the record."""
    training = Training(tmp_path, pushgateway.url, run="later")
    command = [sys.executable, "-c", LOOP, "fail"]
    assert training.run(command, REPORTER_MODE="offline").code == 3
    reporter = str(Path(sys.executable).with_name("reporter"))
    assert training.run([reporter, "push", str(training.records_folder)]).code == 0
    group = training.group()
    assert (group.value("reporter_steps_total"), group.value("reporter_run_steps")) == (4, 8)
    moved = group.value("reporter_run_last_step_time_seconds") or 0.0
    assert (group.value("reporter_run_start_time_seconds") or 0.0) < moved <= time.time()
    assert group.value("reporter_run_progress_ratio") == 0.5
    assert group.value("reporter_run_info", framework="looper 1.2") == 1
