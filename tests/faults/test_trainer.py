"""The training process is stopped, told to stop, out of memory, or hangs: what its run shows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.cgroups import memory_group
from tests.faults.altered import altered_copy
from tests.processes import children_of, gone
from tests.runs import Training
from tests.services.programs import Pushgateway, StartPushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}
KUBERNETES = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "POD_NAME": "p", "POD_UID": "u"}

BEGIN = """
import ctypes, itertools, os, signal, sys, threading, time, reporter
def say(text):
    os.write(1, (text + "\\n").encode())
"""
SCOPE = """
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    r.report_metric("loss", 0.37, 1)
    r.flush()
"""
GREEDY = """
    hog = []
    while True:
        hog.append(bytearray(1 << 20))
"""
EXECUTED = """
    new = "import sys; print('new', flush=True); sys.stdin.read()"
    os.execv(sys.executable, [sys.executable, "-c", new])
"""
WITH_WORKER = """
    ready, tell = os.pipe()
    worker = os.fork()
    if not worker:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.write(tell, b"x")
        time.sleep(30)
        os._exit(0)
    os.read(ready, 1)
    os.killpg(0, signal.SIGINT)
    time.sleep(30)
"""
INTERRUPTED = """
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    say("interrupted")
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
"""
ASKED_TO_STOP = """
stop = []
def checkpoint(*_):
    r.report_metric("in-handler", 1)
    stop.append(True)
signal.signal(signal.SIGTERM, checkpoint)
before = {number: signal.getsignal(number) for number in signal.valid_signals()}
with reporter.Reporter() as r:
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    r.flush()
    say("entered")
    for n in itertools.count():
        r.report_metric("loss", n)
        if stop:
            break
    say(str(n))
"""
GRACE = """
signal.signal(signal.SIGTERM, lambda *_: say("graceful"))
""" + SCOPE + """
    say("entered")
    while True:
        time.sleep(1)
"""  # fmt: skip
HELD = """
def handler(*_):
    say(str(time.time()))
    sys.exit(3)
signal.signal(signal.SIGTERM, {handler})
libc = ctypes.PyDLL(None)  # calls that keep the interpreter's lock
mutex = ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
until = int(time.time()) + 5
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    say(str(until))
    libc.pthread_mutex_timedlock(mutex, (ctypes.c_long * 2)(until, 0))  # no signal interrupts it
    time.sleep(30)
"""
HANGS = SCOPE + """
    say("hangs")
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""  # fmt: skip


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    return Training(tmp_path, pushgateway.url, interval=1)


def python(*code: str) -> list[str]:
    return [sys.executable, "-c", "".join([BEGIN, *code])]


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a training process writes; nothing if it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended_as(training: Training, state: State, reason: str, detail: str = "") -> None:
    """The run has this one end, in the record and on the gateway, and its value is there."""
    record, group = training.ended_record(), training.ended_group()
    assert (record.state, record.reason, record.detail) == (state, reason, detail)
    assert (group.state, group.reason) == (state, reason)
    assert record.newest["loss"][0] == group.metric("loss") == 0.37
    assert len(training.events(events.END)) == 1


@pytest.mark.root
def test_a3_the_kernels_kill_for_memory_is_a_death(training: Training) -> None:
    """The kernel takes the larger process, which is the trainer: the sender, in the same cgroup,
    delivers everything; failed, `died`."""
    with memory_group(96 << 20) as group:
        ended = training.run([*group.entering, *python(SCOPE, GREEDY)])
        assert (ended.code, group.kills()) == (-signal.SIGKILL, 1)
        ended_as(training, State.FAILED, "died")


def test_a5_a_program_that_takes_the_trainers_place_keeps_its_run_open(training: Training) -> None:
    """After `exec` the process lives on without a Reporter: the run stays running until the new
    program ends, and has failed then, `died`."""
    with training.started(python(SCOPE, EXECUTED)) as process:
        assert line(process) == "new"
        record, group = training.record(), training.group()
        assert (record.state, group.state) == (State.RUNNING, State.RUNNING)
        process.communicate("", timeout=10)
    ended_as(training, State.FAILED, "died")


def test_a7_ctrl_c_reaches_the_trainer_and_not_the_sender(training: Training) -> None:
    """Ctrl-C goes to every process of the terminal; the sender is in a session of its own, and
    delivers that the run was cancelled, `interrupt`."""
    ended = training.run(python("os.setpgid(0, 0)\n", SCOPE, WITH_WORKER))
    assert ended.code == -signal.SIGINT
    assert "KeyboardInterrupt" in ended.err
    record = training.record()
    assert record.delivered
    ended_as(training, State.CANCELLED, "interrupt", "KeyboardInterrupt")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a7_a_sender_does_not_end_with_its_terminal(
    number: signal.Signals, training: Training
) -> None:
    """An interrupt or a hang-up that does reach the sender is passed over."""
    with training.told() as told:
        assert told("flush")
        os.kill(told.sender, number)
        told("report_metric", "loss", 0.37)
        assert told("flush")
        assert told("status")["sender"] == told.sender
        told.leave()
    ended_as(training, State.SUCCEEDED, "returned")


def test_a8_a_second_ctrl_c_leaves_at_once_and_the_sender_goes_on(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """The sender goes on alone: a gateway that comes back within 10 s gets the run's end."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url, exit_timeout=20)
    with training.started(python(INTERRUPTED)) as process:
        assert line(process) == "interrupted"
        training.ended_record()  # the first one was heard, and it waits for the gateway now
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    assert time.monotonic() - began < 3
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == 1
    gateway.start()
    ended_as(training, State.CANCELLED, "interrupt", "KeyboardInterrupt")


def test_a10_a_handler_of_yours_runs_and_training_may_go_on(training: Training) -> None:
    """No signal handler is installed or replaced: yours runs, may report, and decides what comes
    of it."""
    with training.started(python(ASKED_TO_STOP)) as process:
        assert line(process) == "entered"
        process.send_signal(signal.SIGTERM)
        last = int(line(process))
        process.communicate(timeout=20)
    assert process.returncode == 0
    record, group = training.record(), training.group()
    assert (record.state, record.reason) == (State.SUCCEEDED, "returned")
    assert list(record.points["in-handler"].values) == [1]
    assert record.newest["loss"][0] == group.metric("loss") == last


@pytest.mark.parametrize("around", [{}, SLURM, KUBERNETES], ids=["alone", "slurm", "kubernetes"])
def test_a10_d10_a_kill_after_the_grace_period_is_not_a_death(
    around: Mapping[str, str], training: Training
) -> None:
    """Told to stop, and killed at the end of the grace period because it did not: cancelled,
    `terminated`, if the sender was told to stop as well in the 60 s before."""
    with training.started(python(GRACE), **around) as process:
        assert line(process) == "entered"
        _stop_all(process, training)
        assert line(process) == "graceful"
        assert training.record().state is State.RUNNING
        process.kill()
        process.wait()
        ended_as(training, State.CANCELLED, "terminated", "SIGTERM")


def test_a10_an_old_sigterm_is_no_reason(training: Training) -> None:
    """Who dies more than 60 s after a SIGTERM, died of something else: failed, `died`."""
    copy = altered_copy(
        training.folder, ("sender/loop.py", "_SIGTERM_MEANT = 60.0", "_SIGTERM_MEANT = 0.5")
    )
    with training.started(python(GRACE), **copy) as process:
        assert line(process) == "entered"
        _stop_all(process, training)
        told_at = time.monotonic()
        wait_for(lambda: time.monotonic() > told_at + 0.6, what="the sender to forget")
        process.kill()
        process.wait()
        ended_as(training, State.FAILED, "died")


def test_a11_a_call_that_keeps_the_interpreters_lock_delays_nothing_of_ours(
    training: Training,
) -> None:
    """Python runs a handler of yours only when the call returns; the sender pushes all the same,
    and the end is the one that your handler makes."""
    with training.started(python(HELD.format(handler="handler"))) as process:
        until = float(line(process))
        wait_for(lambda: training.records() and training.group().metric("loss"), 10, "the value")
        process.send_signal(signal.SIGTERM)
        assert _pushed_at(training) < until <= float(line(process))
        process.communicate(timeout=10)
    assert process.returncode == 3
    ended_as(training, State.FAILED, "exit_code", "3")


def test_a11_without_a_handler_the_death_is_immediate(training: Training) -> None:
    """Without one the system ends the process amid the call, and the sender delivers what was
    reported."""
    with training.started(python(HELD.format(handler="signal.SIG_DFL"))) as process:
        until = float(line(process))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
        assert time.time() < until
        ended_as(training, State.FAILED, "died")


def test_a12_a_trainer_that_hangs_stays_running_and_its_step_grows_old(training: Training) -> None:
    """Pushes go on, so the run is not lost; the time of its last step stands still, from which
    others see that it has stalled."""
    with training.started(python(HANGS)) as process:
        assert line(process) == "hangs"
        first, old = _pushed_at(training), training.group()
        wait_for(lambda: _pushed_at(training) > first + 1, what="further pushes")
        new = training.group()
        assert not gone(process.pid)
        assert (new.state, new.metric("loss")) == (State.RUNNING, 0.37)
        moved = "reporter_run_last_step_time_seconds"
        assert new.value(moved) == old.value(moved)
        assert _pushed_at(training) - (new.value(moved) or 0) > 1
        process.kill()
        process.wait()
        ended_as(training, State.FAILED, "died")


def _stop_all(process: subprocess.Popen[str], training: Training) -> None:
    """As an eviction does: SIGTERM to the trainer and to its sender."""
    (sender,) = children_of(process.pid)
    os.kill(sender, signal.SIGTERM)
    process.send_signal(signal.SIGTERM)


def _pushed_at(training: Training) -> float:
    return training.group().value("push_time_seconds") or 0.0
