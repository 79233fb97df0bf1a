"""A value whose report returned survives a SIGKILL, whenever it comes."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.machine import in_own_processes, needs_root
from tests.processes import children_of, gone
from tests.runs import Training, child, counted
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

MOMENTS = (0, 0.02, 0.05, 0.1, 0.3, 1)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a1_a2_every_report_that_returned_survives_a_kill(
    moment: float, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Whenever the kill comes, every report that returned is recorded and the newest is pushed."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    returned = _killed(training, moment, pause=0.0001)
    group, record = training.ended_group(timeout=5), training.ended_record()
    values = list(record.points["count"].values) if record.points else []
    assert len(values) in (returned, returned + 1)  # the last one may not have got to say so
    assert values == list(range(len(values)))
    assert group.metric("count") == (values[-1] if values else None)
    assert (record.state, record.reason) == (group.state, group.reason) == (State.FAILED, "died")
    assert len(training.events(events.END)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.02, 0.1, 1])
def test_a1_f16_at_full_speed_every_report_is_recorded_or_counted(
    moment: float, tmp_path: Path
) -> None:
    """What comes faster than the sender can take is in the record or counted, to the last one."""
    training = Training(tmp_path, mode="offline")
    returned = _killed(training, moment, pause=0)
    record = training.ended_record()
    recorded, dropped = counted(record)
    assert recorded > 0
    assert recorded + dropped - returned in (0, 1)
    assert record.newest["count"][0] in (returned - 1, returned)


@pytest.mark.root
@needs_root
def test_d9_pid_1_delivers_an_orderly_end(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Leaving waits for the delivery, so that the kernel, ending all with PID 1, loses nothing."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run([*in_own_processes(), *child("ends.py", "exception")])
    record, group = training.record(), training.group()
    assert ended.code == 1
    assert (record.state, record.detail, record.delivered) == (State.FAILED, "ValueError", True)
    assert (group.state, group.reason, group.metric("loss")) == (State.FAILED, "exception", 0.37)
    assert list(record.points["loss"].values) == [0.37]


@pytest.mark.root
@pytest.mark.slow
@needs_root
def test_d9_a_kill_of_pid_1_leaves_the_last_push(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Killed without `reporter run` above it, the gateway keeps state running, and the record
    what was drained."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with _counting(training, 0.001, in_own_processes()) as (process, counter):
        wait_for(lambda: training.records() and training.group().metric("count"), what="a push")
        (first,) = children_of(process.pid)
        seen = _number_in(counter)
        _recorded_from(training, seen)
        _kill(first)
        wait_for(lambda: gone(first), what="PID 1 to end")
    record = training.record()
    values = list(record.points["count"].values)
    assert values == list(range(len(values)))
    assert seen <= len(values) <= _number_in(counter) + 1
    assert (record.state, training.group().state) == (State.RUNNING, State.RUNNING)
    assert training.group().metric("count") is not None


@pytest.mark.root
@needs_root
def test_d9_pid_1_is_told_once_what_it_risks(tmp_path: Path) -> None:
    """One notice for a process, whatever the number of its Reporters; none to any other PID."""
    code = "import reporter\nfor _ in range(2):\n    with reporter.Reporter(): pass"
    training = Training(tmp_path, mode="offline")
    as_pid_1 = training.run([*in_own_processes(), sys.executable, "-c", code])
    as_another = training.run([sys.executable, "-c", code])
    assert (as_pid_1.err.count("PID 1"), as_another.err) == (1, "")


def _killed(training: Training, moment: float, pause: float) -> int:
    """Kill a training process so long after it entered; how many of its reports had returned."""
    with _counting(training, pause) as (process, counter):
        _kill(process.pid, moment)
        process.wait()
    return _number_in(counter)


@contextmanager
def _counting(
    training: Training, pause: float, under: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    counter = training.folder / "counter"
    counter.write_bytes(bytes(8))
    with training.started([*under, *child("counting.py", counter, pause)]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "entered\n"
        yield process, counter


def _kill(pid: int, moment: float = 0) -> None:
    death = os.pidfd_open(pid)
    try:
        assert not select.select([death], [], [], moment)[0], "it ended by itself"
        os.kill(pid, 9)
    finally:
        os.close(death)


def _recorded_from(training: Training, count: int) -> None:
    def enough() -> bool:
        return len(training.record().points["count"]) >= count

    wait_for(enough, what=f"{count} points in the record")


def _number_in(counter: Path) -> int:
    return int(struct.unpack("Q", counter.read_bytes())[0])
