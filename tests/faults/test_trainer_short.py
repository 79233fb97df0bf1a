"""A machine that has too little of something left for a run, or for the whole training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.runs import Ended, Training, counted

pytestmark = [pytest.mark.service, pytest.mark.slow]

BEGIN = """
import gc, os, resource, sys, reporter
def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
def limited(what, size):
    resource.setrlimit(what, (size, resource.getrlimit(what)[1]))
def in_use():
    return int(open("/proc/self/statm").read().split()[0]) * 4096
def train():
    with reporter.Reporter() as r:
        for n in range(5):
            r.report_metric("loss", n)
        r.report_parameter("lr", 0.1)
        with r.stage("train"):
            r.flush(0.01)
    return r
"""
# What each leaves of a machine, so that opening a run cannot succeed.
SHORTAGES = {
    "descriptors": ("RLIMIT_NOFILE", "descriptors() - 1"),
    "file size": ("RLIMIT_FSIZE", "4096"),
    "memory": ("RLIMIT_AS", "in_use() + (4 << 20)"),
}
SHORT = """
train()
before = descriptors()
what, size = resource.{what}, {size}
unlimited = resource.getrlimit(what)[0]
limited(what, size)
live = [train().status()["live"] for _ in range(3)]
limited(what, unlimited)
print(any(live), descriptors() - before)
train()
"""
FEWER_AND_FEWER = """
import reporter.reporter.notices as notices
train()
before = descriptors()
unlimited = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
for left in reversed(range(12)):
    limited(resource.RLIMIT_NOFILE, before - 1 + left)
    train()
    limited(resource.RLIMIT_NOFILE, unlimited)
    assert descriptors() == before, (left, descriptors(), before)
print("done")
"""
OUT_OF_MEMORY = """
with reporter.Reporter() as r:
    r.report_metric("loss", 0)
    limited(resource.RLIMIT_AS, in_use() + (16 << 20))
    hog = []
    for size in (1 << 20, 1 << 10, 400):
        try:
            while True:
                hog.append(bytearray(size))
        except MemoryError:
            pass
    for n in range(1, 10_000):
        r.report_metric("loss", n, n)
    hog.clear()
    bytearray(1 << 40)
"""
TOO_DEEP = """
returned = 0
def report(name, depth):
    global returned
    r.report_metric(name.format(depth), depth, depth)
    returned += 1
    report(name, depth + 1)
with reporter.Reporter() as r:
    for extra in range(40):  # so that it ends at every depth of our own calls
        sys.setrecursionlimit(200 + extra)
        for name in ("loss", f"new-{extra}-{{}}"):
            try:
                report(name, 0)
            except RecursionError:
                pass
    sys.setrecursionlimit(1000)
    print(returned, flush=True)
    report("last", 0)
"""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


def run(training: Training, code: str) -> Ended:
    return training.run([sys.executable, "-c", BEGIN + code])


@pytest.mark.parametrize("shortage", SHORTAGES)
def test_a14_an_opening_that_fails_is_said_once_and_leaves_nothing(
    shortage: str, training: Training
) -> None:
    """Training goes on without a run, one line says why, nothing of it is left open, and the next
    run is whole once the machine has recovered."""
    what, size = SHORTAGES[shortage]
    ended = run(training, SHORT.format(what=what, size=size))
    assert (ended.code, ended.out) == (0, "False 0\n"), ended.err
    assert "Traceback" not in ended.err
    assert ended.err.count("this run is not reported: OSError") == len(ended.err.splitlines()) == 1
    records = training.records()
    assert [record.state for record in records] == [State.SUCCEEDED] * 2
    assert [list(record.points["loss"].values) for record in records] == [[0, 1, 2, 3, 4]] * 2


def test_a14_b6_with_ever_fewer_descriptors_training_goes_on(training: Training) -> None:
    """However few descriptors are left, nothing is raised and no descriptor leaks: there is a run,
    or a line says why there is none."""
    ended = run(training, FEWER_AND_FEWER)
    assert (ended.code, ended.out) == (0, "done\n"), ended.err
    assert "Traceback" not in ended.err
    assert "this run is not reported: OSError: [Errno 24]" in ended.err
    assert "the sender could not be started (OSError: [Errno 24]" in ended.err
    assert "was not recorded: its sender could not run" in ended.err
    whole = [record for record in training.records() if record.state is State.SUCCEEDED]
    assert len(whole) >= 2
    assert all(counted(record) == (5, 0) for record in whole)


def test_a15_reports_need_no_memory_and_a_memory_error_is_an_end(training: Training) -> None:
    """With the last byte gone, reports under known names still return and are kept; the error
    that leaves the scope ends the run as failed, `exception`, MemoryError."""
    ended = run(training, OUT_OF_MEMORY)
    assert ended.code == 1
    assert ended.err.endswith("MemoryError\n")
    record = training.ended_record()
    assert (record.state, record.reason) == (State.FAILED, "exception")
    assert record.detail == "MemoryError"
    assert list(record.points["loss"].values) == list(range(10_000))


def test_a15_a_recursion_error_is_an_end_and_loses_no_report(training: Training) -> None:
    """A report at the brink may meet the limit itself; every one that returned is kept, and the
    error ends the run as failed, `exception`, RecursionError."""
    ended = run(training, TOO_DEEP)
    assert ended.code == 1
    record = training.ended_record()
    assert (record.state, record.detail) == (State.FAILED, "RecursionError")
    last = record.points["last"].values
    assert counted(record) == (int(ended.out) + len(last), 0)
    assert list(last) == list(range(len(last)))
