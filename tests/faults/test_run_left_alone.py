"""`reporter run` when those that should tell a run's end are gone: it tells it itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.machine import in_own_processes, needs_root
from tests.runs import Training, child
from tests.services.command import COMMAND
from tests.services.programs import Pushgateway, fetch
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

RUN = [*COMMAND, "run", "--"]


def _ended_once(training: Training, state: State, reason: str, detail: str = "") -> None:
    record, group = training.record(), training.group()
    assert (record.state, record.reason, record.detail) == (state, reason, detail)
    assert (group.state, group.reason) == (state, reason)
    assert record.delivered
    assert len(training.events(events.END)) == 1


def _python(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


TAKES_AND_DIES = (
    "import os",
    "from reporter.run.wrapper import take_run",
    "assert take_run(os.environ, 0, os.environ['REPORTER_GATEWAY'])",
    "os.kill(os.getpid(), 9)",
)
KILLS_BOTH = (
    "import os, reporter",
    "with reporter.Reporter() as r:",
    "    r.report_metric('loss', 0.37)",
    "    r.flush()",
    "    os.kill(r.status()['sender'], 9)",
    "    os.kill(os.getpid(), 9)",
)


def test_a2_a_kill_while_the_run_changes_hands(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Killed between taking the run and having a sender: `reporter run` ends it, by the signal."""
    training = Training(tmp_path, pushgateway.url)
    assert training.run([*RUN, *_python(*TAKES_AND_DIES)]).code == 137
    _ended_once(training, State.FAILED, "signal", "SIGKILL")


def test_a1_b1_trainer_and_sender_are_killed(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """With both killed, `reporter run` ends the run: what was recorded is on the gateway too."""
    training = Training(tmp_path, pushgateway.url)
    assert training.run([*RUN, *_python(*KILLS_BOTH)]).code == 137
    _ended_once(training, State.FAILED, "signal", "SIGKILL")
    assert training.group().metric("loss") == 0.37


@pytest.mark.root
@needs_root
def test_d9_the_trainers_namespace_ends(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A namespace of processes below that takes its senders along is ended from above."""
    training = Training(tmp_path, pushgateway.url)
    assert training.run([*RUN, *in_own_processes(), *child("ends.py", "segfault")]).code == 139
    assert training.record().state is State.FAILED
    assert training.group().state is State.FAILED


def test_a_run_of_another_rank_is_the_only_one(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Where only other ranks report, the run that showed the program steps back without a trace."""
    training = Training(tmp_path, pushgateway.url, run="ours")
    command = [*RUN, "sh", "-c", f"RANK=1 {' '.join(child('ends.py', 'returned'))}"]
    assert training.run(command).code == 0
    assert [os.path.basename(record.folder) for record in training.records()] == ["rank-1"]
    wait_for(lambda: training.group("ours", 0).state is None, what="the empty group to go")
    assert training.group("ours", 1).state is State.SUCCEEDED


@pytest.mark.parametrize("chosen", ['mode="offline"', "gateway=sys.argv[1]"])
def test_a_reporter_that_pushes_elsewhere(
    chosen: str, tmp_path: Path, pushgateway: Pushgateway, start_pushgateway: object
) -> None:
    """The gateway of `reporter run` forgets a run that is pushed elsewhere, or nowhere."""
    other = start_pushgateway()  # type: ignore[operator]
    training = Training(tmp_path, pushgateway.url)
    lines = ("import sys, reporter", f"with reporter.Reporter({chosen}) as r: r.flush()")
    assert training.run([*RUN, *_python(*lines), other.url]).code == 0
    (run,) = training.runs()
    wait_for(lambda: run not in fetch(pushgateway.url + "/metrics"), what="the group to go")
    assert (run in fetch(other.url + "/metrics")) is ("gateway" in chosen)
    assert training.record().state is State.SUCCEEDED


def test_sigchld_that_is_ignored(tmp_path: Path) -> None:
    """Whoever starts it may ignore SIGCHLD: it learns how the program ended all the same."""
    training = Training(tmp_path, mode="offline")
    starts = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
    starts += "os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", starts, *RUN, "sh", "-c", "exit 3"]
    assert training.run(command).code == 3
    assert training.record().detail == "3"


@pytest.mark.parametrize("limit", ["-f 1000", "-n 12"])
def test_d7_limits_that_leave_no_room_for_us(limit: str, tmp_path: Path) -> None:
    """The program runs, and its exit code is passed on, whatever we lack; a line says what."""
    training = Training(tmp_path, mode="offline")
    command = subprocess.list2cmdline([*RUN, "sh", "-c", "echo ran; exit 3"])
    ended = training.run(["bash", "-c", f"ulimit {limit}; exec {command}"])
    assert (ended.code, ended.out) == (3, "ran\n"), ended.err
    assert "Traceback" not in ended.err


def test_a_hang_up_of_the_terminal(tmp_path: Path) -> None:
    """A terminal that is closed ends the program too, as it would without `reporter run`."""
    training = Training(tmp_path, mode="offline")
    pid, terminal = os.forkpty()
    if not pid:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run below nohup
        os.chdir(tmp_path)
        command = [*RUN, "sh", "-c", "echo ready; exec sleep 60"]
        os.execve(command[0], command, {**os.environ, **training.settings})
    shown = b""
    while b"ready" not in shown:
        shown += os.read(terminal, 1000)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert training.record().reason == "terminated"


def test_nohup(tmp_path: Path) -> None:
    """A hang-up that is ignored stops nothing, and explains nothing that comes later."""
    training = Training(tmp_path, mode="offline")
    script = "echo ready; read line < fifo; exit 1"
    os.mkfifo(tmp_path / "fifo")
    with training.started(["nohup", *RUN, "sh", "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        (tmp_path / "fifo").write_text("go\n")
        assert process.wait(20) == 1
    assert (training.record().reason, training.record().detail) == ("exit_code", "1")


def test_a_script_without_an_interpreter_line(tmp_path: Path) -> None:
    """A shell runs it, as it would without `reporter run`."""
    script = tmp_path / "train.sh"
    script.write_text("echo trained\n")
    script.chmod(0o755)
    ended = Training(tmp_path, mode="offline").run([*RUN, str(script)])
    assert (ended.code, ended.out) == (0, "trained\n")


def test_the_word_of_the_run_itself_below_a_shell(tmp_path: Path) -> None:
    """What a shell ends with later does not make a run fail that had ended well."""
    training = Training(tmp_path, mode="offline")
    script = f"{' '.join(child('ends.py', 'module-end'))}; false"
    assert training.run([*RUN, "sh", "-c", script]).code == 1
    assert training.record().state is State.SUCCEEDED
