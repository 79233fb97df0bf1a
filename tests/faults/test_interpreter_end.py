"""Reports that come while the interpreter shuts down: from handlers, finalizers, daemon threads.

Under every interpreter that is at hand: from 3.12 on, one that shuts down starts no thread and
does not fork.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.interpreters import OTHERS, environment, interpreter
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

IN_A_WORKER = """
import threading, reporter
def train():
    threading.main_thread().join()
    for n in range(1000):
        reporter.report_metric("loss", n)
threading.Thread(target=train).start()
"""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


@pytest.fixture(params=("", *OTHERS), ids=("this", *OTHERS))
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter that runs the tests, and the others."""
    return interpreter(request.param) if request.param else sys.executable


def run(training: Training, python: str, code: str) -> Ended:
    there = {} if python == sys.executable else environment()
    ended = training.run([python, "-c", code], **there)
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    return ended


def test_a16_a_report_from_an_exit_handler_belongs_to_the_run(
    training: Training, python: str
) -> None:
    """A handler that was registered after the run began comes before its end: what it reports is
    kept."""
    run(training, python, IN_A_HANDLER)
    record = training.record()
    assert record.state is State.SUCCEEDED
    assert {name: list(points.values) for name, points in record.points.items()} == {
        "loss": [0.37],
        "final": [1],
    }
    assert record.parameters == {"epochs": 3}


def test_a16_a_run_in_an_exit_handler_is_whole_and_harms_no_other(
    training: Training, python: str
) -> None:
    """A Reporter that an exit handler enters and leaves is a run like any other."""
    assert run(training, python, A_RUN_IN_A_HANDLER).err == ""
    states = {record.identity["name"]: record.state for record in training.records()}
    assert states == {"first": State.SUCCEEDED, "second": State.SUCCEEDED}


def test_a16_a_run_that_nobody_could_end_is_not_begun(training: Training, python: str) -> None:
    """A first report from an exit handler belongs to no run, which is said."""
    ended = run(training, python, FIRST_IN_A_HANDLER)
    assert "belongs to no run" in ended.err
    assert training.records() == []


def test_a16_a_finalizer_that_reports_raises_nothing(training: Training, python: str) -> None:
    """A `__del__` at the very end is past the run's end: its reports are dropped in silence or
    with a line, and nothing is raised."""
    assert run(training, python, IN_A_FINALIZER).out == "finalized\n"
    record = training.record()
    assert (record.state, list(record.points)) == (State.SUCCEEDED, ["loss"])
    assert record.parameters == {}


def test_a16_a_daemon_thread_may_report_to_the_last(training: Training, python: str) -> None:
    """A daemon thread's reports before the run's end are kept, those after it are dropped."""
    run(training, python, IN_A_THREAD)
    record = training.record()
    assert record.state is State.SUCCEEDED
    assert counted(record)[0] >= 1000
    assert set(record.points) == {"loss", "more"}


def test_a16_a_worker_that_outlives_the_main_thread_has_a_run(
    training: Training, python: str
) -> None:
    """A first report of a thread that the program's end still waits for begins a run like any
    other, which ends with the interpreter."""
    assert "belongs to no run" not in run(training, python, IN_A_WORKER).err
    record = training.record()
    assert (record.state, counted(record)) == (State.SUCCEEDED, (1000, 0))
