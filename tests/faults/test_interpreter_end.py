"""Reports that come while the interpreter shuts down: from handlers, finalizers, daemon threads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.runs import Ended, Training, counted

pytestmark = pytest.mark.service

ONE_RUN = """
import atexit, sys, threading, time, reporter
r = reporter.Reporter(name="first")
r.__enter__().report_metric("loss", 0.37)
"""
IN_A_HANDLER = ONE_RUN + """
def last_words():
    reporter.report_metric("final", 1)
    r.report_parameter("epochs", 3)
atexit.register(last_words)
"""  # fmt: skip
A_RUN_IN_A_HANDLER = ONE_RUN + """
def another():
    with reporter.Reporter(name="second") as own:
        own.report_metric("loss", 0.37)
atexit.register(another)
"""  # fmt: skip
FIRST_IN_A_HANDLER = """
import atexit, reporter
atexit.register(lambda: reporter.report_metric("loss", 0.37))
"""
IN_A_FINALIZER = ONE_RUN + """
class Model:
    def __del__(self):
        assert sys.meta_path is None  # nothing can be imported any more
        r.report_metric("late", 1)
        r.report_parameter("late", 1)
        reporter.report_metric("late", 1)
        assert r.flush(0) is False
        with reporter.Reporter() as own:
            own.report_metric("late", 1)
        print("finalized")
sys.modules["kept to the last"] = Model()
"""  # fmt: skip
IN_A_THREAD = ONE_RUN + """
reports = 0
def train():
    global reports
    while True:
        r.report_metric("more", 1)
        reports += 1
threading.Thread(target=train, daemon=True).start()
while reports < 1000:
    time.sleep(0.01)
"""  # fmt: skip


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


def run(training: Training, code: str) -> Ended:
    ended = training.run([sys.executable, "-c", code])
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    return ended


def test_a16_a_report_from_an_exit_handler_belongs_to_the_run(training: Training) -> None:
    """A handler that was registered after the run began comes before its end: what it reports is
    kept."""
    run(training, IN_A_HANDLER)
    record = training.record()
    assert record.state is State.SUCCEEDED
    assert {name: list(points.values) for name, points in record.points.items()} == {
        "loss": [0.37],
        "final": [1],
    }
    assert record.parameters == {"epochs": 3}


def test_a16_a_run_in_an_exit_handler_is_whole_and_harms_no_other(training: Training) -> None:
    """A Reporter that an exit handler enters and leaves is a run like any other."""
    assert run(training, A_RUN_IN_A_HANDLER).err == ""
    states = {record.identity["name"]: record.state for record in training.records()}
    assert states == {"first": State.SUCCEEDED, "second": State.SUCCEEDED}


def test_a16_a_run_that_nobody_could_end_is_not_begun(training: Training) -> None:
    """A first report from an exit handler belongs to no run, which is said."""
    ended = run(training, FIRST_IN_A_HANDLER)
    assert "belongs to no run" in ended.err
    assert training.records() == []


def test_a16_a_finalizer_that_reports_raises_nothing(training: Training) -> None:
    """A `__del__` at the very end is past the run's end: its reports are dropped in silence or
    with a line, and nothing is raised."""
    assert run(training, IN_A_FINALIZER).out == "finalized\n"
    record = training.record()
    assert (record.state, list(record.points)) == (State.SUCCEEDED, ["loss"])
    assert record.parameters == {}


def test_a16_a_daemon_thread_may_report_to_the_last(training: Training) -> None:
    """A daemon thread's reports before the run's end are kept, those after it are dropped."""
    run(training, IN_A_THREAD)
    record = training.record()
    assert record.state is State.SUCCEEDED
    assert counted(record)[0] >= 1000
    assert set(record.points) == {"loss", "more"}
