"""`reporter run`: every end of a program is an honest end of its run, and its exit code ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.cgroups import memory_group
from tests.machine import in_own_processes, needs_root
from tests.processes import children_of, gone
from tests.runs import Ended, Training, child, senders_of
from tests.services.command import COMMAND
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

UNSHARE = tuple(in_own_processes())
RUN = [*COMMAND, "run", "--"]
in_pid_1 = pytest.param(UNSHARE, marks=[pytest.mark.root, needs_root], id="PID 1")
anywhere = pytest.param((), id="anywhere")

ENDS = [
    ("returned", 0, State.SUCCEEDED, "returned", ""),
    ("exit-3", 3, State.FAILED, "exit_code", "3"),
    ("exception", 1, State.FAILED, "exception", "ValueError"),
    ("sigkill", 137, State.FAILED, "signal", "SIGKILL"),
    ("segfault", 139, State.FAILED, "signal", "SIGSEGV"),
    ("sigterm", 143, State.FAILED, "signal", "SIGTERM"),
    ("os._exit", 3, State.FAILED, "exit_code", "3"),
    ("module-end", 0, State.SUCCEEDED, "returned", ""),
    ("module-exit-4", 4, State.FAILED, "exit_code", "4"),
    ("module-exception", 1, State.FAILED, "exception", "ValueError"),
    ("module-sigkill", 137, State.FAILED, "signal", "SIGKILL"),
]


def _check(training: Training, state: State, reason: str, detail: str) -> None:
    """One run, one end, the same on the gateway and in the record."""
    record, group = training.record(), training.group()
    assert (record.state, record.reason, record.detail) == (state, reason, detail)
    assert (group.state, group.reason) == (state, reason)
    assert record.delivered
    assert len(training.events(events.END)) == 1
    assert group.value("reporter_run_attempt") == 1


@pytest.mark.parametrize("prefix", [anywhere, in_pid_1])
@pytest.mark.parametrize(("way", "code", "state", "reason", "detail"), ENDS)
def test_a1_a4_a5_d9_a_program_with_a_reporter(
    prefix: tuple[str, ...],
    way: str,
    code: int,
    state: State,
    reason: str,
    detail: str,
    tmp_path: Path,
    pushgateway: Pushgateway,
) -> None:
    """Under `reporter run`, as PID 1 or not, the run ends with the signal or exit code itself."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run([*prefix, *RUN, *child("ends.py", way)])
    assert ended.code == code, ended.err
    _check(training, state, reason, detail)
    assert training.group().metric("loss") == 0.37
    assert training.group().parameters("lr") == ["0.1"]
    assert list(training.record().points["loss"].values) == [0.37]


PROGRAMS = [
    ("exit 0", 0, State.SUCCEEDED, "returned", ""),
    ("exit 1", 1, State.FAILED, "exit_code", "1"),
    ("kill -9 $$", 137, State.FAILED, "signal", "SIGKILL"),
    ("sh -c 'kill -9 $$'; exit $?", 137, State.FAILED, "exit_code", "137"),
    ("kill -INT $$", 130, State.CANCELLED, "interrupt", "SIGINT"),
]


@pytest.mark.parametrize("prefix", [anywhere, in_pid_1])
@pytest.mark.parametrize(("script", "code", "state", "reason", "detail"), PROGRAMS)
def test_a_program_that_knows_nothing_of_us(
    prefix: tuple[str, ...],
    script: str,
    code: int,
    state: State,
    reason: str,
    detail: str,
    tmp_path: Path,
    pushgateway: Pushgateway,
) -> None:
    """Any program is a run: it shows from start to end, with nothing reported in it."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run([*prefix, *RUN, "sh", "-c", script])
    assert ended.code == code, ended.err
    _check(training, state, reason, detail)


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc", 126)])
def test_a_program_that_cannot_be_started(
    program: str, code: int, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """One line says why; the exit code is a shell's, and the run has failed with it."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run([*RUN, program])
    assert ended.code == code
    assert program in ended.err
    assert len(ended.err.splitlines()) == 1
    _check(training, State.FAILED, "exit_code", str(code))


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


@contextmanager
def _stopping(
    training: Training, *arguments: str, prefix: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A wrapped program that trains, and the PIDs of its wrapper and of itself."""
    command = [*prefix, *RUN, *child("stopping.py", *arguments)]
    with training.started(command) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        wrapper = children_of(process.pid)[0] if prefix else process.pid
        (trainer,) = [pid for pid in children_of(wrapper) if "stopping.py" in _words(pid)[1]]
        try:
            yield process, wrapper, trainer
        finally:
            if not gone(trainer):
                os.kill(trainer, signal.SIGKILL)


STOPS = [
    ((), 143, State.CANCELLED, "terminated", "SIGTERM"),
    (("0",), 0, State.SUCCEEDED, "returned", ""),
    (("1",), 1, State.CANCELLED, "terminated", "SIGTERM, then exit code 1"),
]


@pytest.mark.parametrize("prefix", [anywhere, in_pid_1])
@pytest.mark.parametrize(("arguments", "code", "state", "reason", "detail"), STOPS)
def test_a10_d9_d10_sigterm_to_the_wrapper(
    prefix: tuple[str, ...],
    arguments: tuple[str, ...],
    code: int,
    state: State,
    reason: str,
    detail: str,
    tmp_path: Path,
    pushgateway: Pushgateway,
) -> None:
    """SIGTERM to `reporter run` reaches the program; the run is cancelled unless the program ends
    with 0, or a scope in it says how it ended."""
    training = Training(tmp_path, pushgateway.url)
    with _stopping(training, *arguments, prefix=prefix) as (process, wrapper, _):
        os.kill(wrapper, signal.SIGTERM)
        assert process.wait(10) == code
    _check(training, state, reason, detail)


@pytest.mark.root
@needs_root
def test_a_shell_that_dies_before_its_child_as_pid_1(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """As PID 1 it tells a program that its shell left behind to stop, and waits until it has."""
    training = Training(tmp_path, pushgateway.url)
    trainer = " ".join(child("stopping.py"))
    script = f"{trainer} & read line < fifo; exit 5"
    os.mkfifo(tmp_path / "fifo")
    with training.started([*UNSHARE, *RUN, "sh", "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "training\n"
        (tmp_path / "fifo").write_text("go\n")
        assert process.wait(20) == 5
    _check(training, State.CANCELLED, "terminated", "SIGTERM")


HOARDS = """
import reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    r.flush()
    kept = []
    while True:
        kept.append(bytearray(1 << 20))
"""


@pytest.mark.root
@needs_root
def test_a3_a_kill_for_memory(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Under `reporter run` a program killed for memory fails as `oom`, whatever else runs there."""
    training = Training(tmp_path, pushgateway.url)
    with memory_group(64 << 20) as group:
        ended = training.run([*RUN, *group.entering, sys.executable, "-c", HOARDS])
    assert ended.code == 137, ended.err
    _check(training, State.FAILED, "oom", "SIGKILL")


def test_ctrl_c_reaches_the_program_once(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A signal that the terminal sent to the whole group is not passed on a second time."""
    training = Training(tmp_path, pushgateway.url)
    code = (
        "import signal, sys, time\ncount = 0\n"
        "def note(*_):\n    global count\n    count += 1\n"
        "signal.signal(signal.SIGINT, note)\nprint('ready', flush=True)\n"
        "while not count: time.sleep(0.01)\ntime.sleep(0.3)\nsys.exit(count)"
    )
    command = [*RUN, sys.executable, "-c", code]
    shown, code_seen = _on_a_terminal(training, command, b"ready", b"\x03")
    assert code_seen == 1, shown


def _on_a_terminal(
    training: Training, command: list[str], awaited: bytes, typed: bytes
) -> tuple[bytes, int]:
    """Run a command on a terminal of its own, and type once it shows what is awaited."""
    pid, terminal = os.forkpty()
    if not pid:
        os.chdir(training.folder)
        os.execve(command[0], command, {**os.environ, **training.settings})
    shown = b""
    while awaited not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, typed)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(status)


def test_nothing_of_ours_is_left(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """When `reporter run` has ended, so have its senders, and no zombie was left meanwhile."""
    training = Training(tmp_path, pushgateway.url)
    script = "for i in 1 2 3; do sh -c 'true & exec true'; done; ps -o stat= --ppid $PPID"
    ended = training.run([*RUN, "sh", "-c", script])
    assert ended.code == 0, ended.err
    assert "Z" not in ended.out
    assert senders_of(training) == []


def test_several_reporters_in_one_program(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The first takes the run that showed the program; the next ones are runs of their own."""
    code = (
        "import reporter\nfor fold in range(3):\n"
        "    with reporter.Reporter('folds') as r: r.report_metric('fold', fold)"
    )
    training = Training(tmp_path, pushgateway.url)
    assert training.run([*RUN, sys.executable, "-c", code]).code == 0
    records = {record.points["fold"].values[0]: record for record in training.records()}
    assert sorted(records) == [0, 1, 2]
    assert {record.state for record in records.values()} == {State.SUCCEEDED}
    assert {Path(record.folder).parents[1].name for record in records.values()} == {"folds"}


def test_ranks_of_one_launch(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Ranks below one wrapper are one run, each with its own group and its own end: the launcher's
    exit code is not that of a rank that was killed."""
    code = (
        "import os, subprocess, sys\n"
        "ranks = [subprocess.Popen([sys.executable, sys.argv[1], way],"
        " env={**os.environ, 'RANK': str(n), 'WORLD_SIZE': '3', 'MASTER_ADDR': 'localhost',"
        " 'MASTER_PORT': '1'}) for n, way in enumerate(('returned', 'exit-3', 'sigkill'))]\n"
        "sys.exit(max(rank.wait() for rank in ranks))"
    )
    training = Training(tmp_path, pushgateway.url)
    script = child("ends.py")[1]
    ended: Ended = training.run([*RUN, sys.executable, "-c", code, script])
    assert ended.code == 3, ended.err
    (run,) = training.runs()
    assert training.group(run, 0).state is State.SUCCEEDED
    assert training.group(run, 1).state is State.FAILED
    assert (training.group(run, 2).state, training.group(run, 2).reason) == (State.FAILED, "died")


WRONG = [
    ({"REPORTER_INTERVAL": "abc"}, (), 3, "REPORTER_INTERVAL='abc'"),
    ({"REPORTER_GATEWAY_TOKEN_FILE": "/nowhere"}, (), 3, "REPORTER_GATEWAY_TOKEN_FILE="),
    ({"REPORTER_MODE": "disabled", "REPORTER_INTERVAL": "abc"}, (), 3, ""),
    ({}, ("--gateway", "ftp://nowhere"), 2, "gateway='ftp://nowhere'"),
]


@pytest.mark.parametrize(("environment", "options", "code", "said"), WRONG)
def test_a_setting_that_is_wrong(
    environment: dict[str, str], options: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    """One of a whole cluster does not keep a program from running; one given just now does."""
    training = Training(tmp_path, mode="offline")
    program = ["sh", "-c", "echo ran; exit 3"]
    ended = training.run([*COMMAND, "run", *options, "--", *program], **environment)
    assert (ended.code, ended.out) == (code, "ran\n" if code == 3 else "")
    assert ended.err.startswith(f"reporter run: {said}" if said else "")
    assert len(ended.err.splitlines()) == bool(said)


def test_a_killed_wrapper_leaves_training_alone(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Without its wrapper a program trains, prints and reports on, and ends as it would alone."""
    training = Training(tmp_path, pushgateway.url)
    with _stopping(training, "0") as (process, wrapper, trainer):
        os.kill(wrapper, signal.SIGKILL)
        process.wait(10)
        assert not gone(trainer)
        os.kill(trainer, signal.SIGTERM)
        wait_for(lambda: gone(trainer), what="the program to end")
    assert training.ended_record().state is State.SUCCEEDED
