"""The sender is killed, stopped, broken, doubled: training never notices, and nothing stays."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from reporter.record.points import Block, FrameReader
from tests.faults.altered import Change, altered_copy
from tests.misbehaving import Misbehaving
from tests.processes import gone
from tests.runs import Told, Training, child, senders_of
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

SLACK = 0.5
SECRET = "canary-6f1c"
NOTED = 5  # errors, here
STOPPED_AT_ONCE = """
import os, signal, time, reporter
with reporter.Reporter() as r:
    sender = r.status()["sender"]
    os.kill(sender, signal.SIGSTOP)
    for n in range(1000):
        r.report_metric("loss", n)
    r.report_parameter("lr", 0.1)
    time.sleep(1.5)
    os.kill(sender, signal.SIGCONT)
"""
STARVED = """
import os, resource, time, reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0)
    assert r.flush(10)
    sender = r.status()["sender"]
    with open(f"/proc/{sender}/statm") as file:
        size = int(file.read().split()[0]) * 4096
    unlimited = resource.prlimit(sender, resource.RLIMIT_AS)
    resource.prlimit(sender, resource.RLIMIT_AS, (size // 2, unlimited[1]))
    n, log = 1, os.path.join(r.status()["record"], "sender.log")
    while not os.path.getsize(log):  # what it has left lasts for a while
        for _ in range(20_000):
            r.report_metric("loss", n)
            n += 1
        time.sleep(0.2)
        assert n < 1_000_000
    resource.prlimit(sender, resource.RLIMIT_AS, unlimited)
    print(r.flush(15), sender == r.status()["sender"], n)
"""
MANY_RUNS = """
import os, signal, time, reporter
def zombies():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = file.read().split()
    states = [open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] for pid in children]
    return [int(pid) for pid, state in zip(children, states) if state == "Z"]
most = 0
for _ in range(8):
    with reporter.Reporter() as r:
        r.report_metric("loss", 1)
    most = max(most, len(zombies()))
with reporter.Reporter() as r:
    r.flush()
    sender = r.status()["sender"]
    os.kill(sender, signal.SIGKILL)
    while sender not in zombies():
        time.sleep(0.01)
    until = time.monotonic() + 10
    while sender in zombies() and time.monotonic() < until:
        r.report_parameter("lr", 0.1)
    print(most, sender in zombies())
"""


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    return Training(tmp_path, pushgateway.url, exit_timeout=1)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process does not run for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def uncertain(record: RunRecord) -> list[bool]:
    """Of each block of points, whether the record says that its time is uncertain."""
    with open(RunPaths.of_folder(record.folder).points, "rb") as file:
        return [frame.extent.uncertain for frame in FrameReader(file) if isinstance(frame, Block)]


def bug_while_there_is(file: Path) -> Change:
    """Every turn of the sender fails while this file is there, and says what it holds.

    When it did so is in `turns_that_failed`.
    """
    turn = "        self._intake.turn(final=self._dead)\n"
    bug = f"""\
        if os.path.exists({str(file)!r}):
            with open({str(file)!r}) as held, open({str(_times(file))!r}, "a") as times:
                times.write(f"{{time.monotonic()}}\\n")
                raise RuntimeError("a bug: " + held.read())
"""
    return "sender/loop.py", turn, bug + turn


def turns_that_failed(file: Path) -> list[float]:
    """When they did, by a clock that never jumps."""
    times = _times(file)
    return [float(line) for line in times.read_text().splitlines()] if times.exists() else []


def _times(file: Path) -> Path:
    return file.with_name(file.name + ".times")


def said_by(told: Told) -> str:
    """What a training process that was left has said."""
    told.process.wait(10)
    assert told.process.stderr is not None
    return told.process.stderr.read()


def sender_after_a_slow_call(told: Told) -> int | None:
    """The live sender, once a dead one could be seen."""
    told("report_parameter", "lr", 0.1)
    found: int | None = told("status")["sender"]
    return found


def test_b1_a_sender_that_dies_in_mid_run_has_a_successor(training: Training) -> None:
    """The next slow call starts a new one, at most once a minute, and says so; it takes up where
    the old one stopped, and the times of what waited are marked as uncertain."""
    once_in_6_s = altered_copy(
        training.folder, ("sender/process.py", "RESTART_AFTER = 60.0", "RESTART_AFTER = 6.0")
    )
    with training.told(REPORTER_EXIT_TIMEOUT="10", **once_in_6_s) as told:
        assert told("flush", 15)  # it is up, and what comes now does not wait for it
        told("report_metric", "loss", 0)
        assert told("flush")
        _kill(told.sender)
        told("report_metric", "loss", 1)
        second = wait_for(partial(sender_after_a_slow_call, told), 20, "a successor")
        assert told("flush", 15)
        _kill(second)
        assert sender_after_a_slow_call(told) is None  # not yet again
        told("report_metric", "loss", 2)
        told.leave()
        assert said_by(told).count("had died; a new one took over") == 1
    record = training.ended_record()
    assert list(record.points["loss"].values) == [0, 1, 2]
    assert uncertain(record) == [False, True, True]
    assert (record.state, record.attempt, record.delivered) == (State.SUCCEEDED, 1, True)
    assert [len(training.events(kind)) for kind in (events.START, events.END)] == [1, 1]


def test_b2_times_are_marked_where_the_sender_could_not_run(training: Training) -> None:
    """Points that came while it was stopped for more than a second keep step and order, and the
    record says that their times are uncertain."""
    with training.told() as told:
        assert told("flush", 15)  # it is up, and what comes now does not wait for it
        told("report_metric", "loss", 0)
        assert told("flush")
        with stopped(told.sender):
            told("report_metric", "loss", 1)
            assert told("flush", 1.2) is False
        assert told("flush")
        told("report_metric", "loss", 2)
        told.leave()
    assert uncertain(training.record()) == [False, True, False]


def test_b3_leaving_does_not_wait_for_a_stopped_sender(training: Training) -> None:
    """Training leaves after the exit timeout, and says what is not delivered; the sender is left
    alone, and delivers everything once it runs again."""
    with training.told() as told:
        told("report_metric", "loss", 0.1)
        assert told("flush")
        with stopped(told.sender):
            told("report_metric", "loss", 0.37)
            assert told.leave() < 1 + SLACK
            assert "has not reached" in said_by(told)
            assert not gone(told.sender)
        group = training.ended_group(told.run)
    record = training.ended_record()
    assert list(record.points["loss"].values) == [0.1, 0.37]
    assert (record.state, group.state, group.metric("loss")) == (
        State.SUCCEEDED,
        State.SUCCEEDED,
        0.37,
    )


def test_b4_an_error_of_the_sender_costs_nothing_once_it_is_over(
    training: Training, tmp_path: Path
) -> None:
    """A sender that fails notes the error in `sender.log`, without any secret, and tries again,
    ever more slowly; training does not notice, and nothing is lost or twice."""
    token, broken = tmp_path / "token", tmp_path / "broken"
    token.write_text(SECRET)
    few = ("sender/loop.py", "_TRACEBACKS = 20", f"_TRACEBACKS = {NOTED}")
    with_a_bug = altered_copy(tmp_path, few, bug_while_there_is(broken))
    with training.told(REPORTER_GATEWAY_TOKEN_FILE=str(token), **with_a_bug) as told:
        told("report_metric", "loss", 0)
        assert told("flush")
        report_while_it_fails(told, broken)
        assert told("flush", 15)
        told.leave()
        assert said_by(told) == ""
    record = training.ended_record()
    assert list(record.points["loss"].values) == [0, 1]
    assert (record.state, record.tags) == (State.SUCCEEDED, {"team": "vision"})
    ever_more_seldom(turns_that_failed(broken))
    log = Path(record.folder) / "sender.log"
    assert log.read_text().count("RuntimeError: a bug") == NOTED
    assert not [path for path in log.parent.rglob("*") if _holds(path, SECRET)]


def report_while_it_fails(told: Told, broken: Path) -> None:
    """The sender fails until it has noted all the errors that it will, and some more."""
    broken.write_text(SECRET)
    told("report_metric", "loss", 1)
    told("tag", "team", "vision")
    wait_for(lambda: len(turns_that_failed(broken)) > NOTED + 5, 20, "turns to fail")
    assert told("status")["sender"] == told.sender
    assert told("flush", 0.2) is False
    broken.unlink()


def ever_more_seldom(times: list[float]) -> None:
    """Each pause is longer than the one before by a hundredth of a second, at least."""
    for n, (earlier, later) in enumerate(pairwise(times), 1):
        assert later - earlier > 0.09 + 0.01 * n


def test_b4_a_sender_without_memory_goes_on_once_it_has_some(training: Training) -> None:
    """Nor does it hang, or lose anything, when it runs out of memory for a while."""
    soon = altered_copy(
        training.folder, ("sender/background.py", "_BORN_WITHIN = 10.0", "_BORN_WITHIN = 1.0")
    )
    ended = training.run([sys.executable, "-c", STARVED], REPORTER_EXIT_TIMEOUT="10", **soon)
    flushed, same, count = ended.out.split()
    assert (ended.code, flushed, same, ended.err) == (0, "True", "True", "")
    record = training.record()
    assert "MemoryError" in (Path(record.folder) / "sender.log").read_text()
    assert list(record.points["loss"].values) == list(range(int(count)))
    assert (record.state, record.delivered) == (State.SUCCEEDED, True)


def test_b4_b11_a_sender_that_stays_broken_is_gone_all_the_same(training: Training) -> None:
    """Where it fails for good, leaving is bounded, the sender ends when its time is over, and the
    record, which has no end, is one for `reporter push`."""
    broken = training.folder / "broken"
    short = ("sender/loop.py", "_LINGER = 10.0", "_LINGER = 1.0")
    with_a_bug = altered_copy(training.folder, short, bug_while_there_is(broken))
    with training.told(**with_a_bug) as told:
        told("report_metric", "loss", 0.37)
        assert told("flush")
        broken.touch()
        assert told.leave() < 1 + SLACK
        wait_for(lambda: gone(told.sender), 10, "the sender to end")
    record = training.record()
    assert (record.state, list(record.points["loss"].values)) == (State.RUNNING, [0.37])


def test_b5_a_sender_that_is_slow_to_start_loses_nothing(training: Training) -> None:
    """Reports and parameters wait for it in the shared memory, and nobody waits with them; their
    times are marked as uncertain."""
    ended = training.run([sys.executable, "-c", STOPPED_AT_ONCE], REPORTER_EXIT_TIMEOUT="10")
    assert (ended.code, ended.err) == (0, "")
    record, group = training.record(), training.group()
    assert list(record.points["loss"].values) == list(range(1000))
    assert set(uncertain(record)) == {True}
    assert (record.state, record.delivered, group.metric("loss")) == (State.SUCCEEDED, True, 999)
    assert (record.parameters, group.parameters("lr")) == ({"lr": 0.1}, ["0.1"])


def test_b9_nobody_waits_for_the_senders_streams(tmp_path: Path) -> None:
    """`python train.py | tee log` ends with training, though the sender has still to deliver."""
    with Misbehaving("silent") as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=0.5)
        ended = training.run(["sh", "-c", '"$@" 2>&1 | cat', "sh", *child("ends.py", "returned")])
        assert "has not reached" in ended.out
        (lingering,) = wait_for(lambda: senders_of(training), what="a sender at work")
        os.kill(lingering, signal.SIGKILL)


def test_b10_no_zombies_pile_up(tmp_path: Path) -> None:
    """A sender that is done is reaped at the next run, one that died at the next slow call: there
    is never more than one or two."""
    ended = Training(tmp_path, mode="offline").run([sys.executable, "-c", MANY_RUNS])
    most, left = ended.out.split()
    assert int(most) <= 2
    assert left == "False"


def test_a1_b11_nothing_outlives_a_killed_run_for_long(tmp_path: Path) -> None:
    """Whatever the gateway does, the sender is gone when its time is over."""
    with Misbehaving("silent") as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=0)
        short = altered_copy(tmp_path, ("sender/loop.py", "_LINGER = 10.0", "_LINGER = 2.0"))
        with training.told(**short) as told:
            told("report_metric", "loss", 0.37)
            wait_for(lambda: gateway.accepted, what="a push to hang")
            told.process.kill()
            told.process.wait()
            assert not gone(told.sender)
            wait_for(lambda: gone(told.sender), 2 + 3, "the sender to end")
    record = training.record()
    assert (record.state, record.reason, record.delivered) == (State.FAILED, "died", False)
    assert senders_of(training) == []


def test_b12_a_run_is_one_process_at_a_time(training: Training) -> None:
    """While one holds it, a newcomer with the same `REPORTER_RUN` gets an id of its own and a
    warning; once it has ended, the next one continues it as a further attempt."""
    mine = {"REPORTER_RUN": "mine", "REPORTER_EXIT_TIMEOUT": "10"}
    with training.told(**mine) as told:
        assert told.run == "mine"
        told("report_metric", "loss", 1)
        newcomer = training.run(child("ends.py", "returned"), **mine)
        assert newcomer.err.count("run mine is held by another process") == 1
        told.leave()
        told.process.wait(10)
    (other,) = (run for run in training.runs() if run != "mine")
    for run, value in (("mine", 1), (other, 0.37)):
        record, group = training.record(run), training.group(run)
        assert (record.state, record.attempt) == (State.SUCCEEDED, 1)
        assert list(record.points["loss"].values) == [group.metric("loss")] == [value]
    assert training.run(child("ends.py", "returned"), **mine).err == ""
    continued = training.record("mine")
    assert (continued.attempt, list(continued.points["loss"].values)) == (2, [1, 0.37])
    assert training.group("mine").value("reporter_run_attempt") == 2


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid), what="the sender to end")


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and text.encode() in path.read_bytes()
