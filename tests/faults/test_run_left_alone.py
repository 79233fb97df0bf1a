"""`reporter run` when those that should tell a run's end are gone: it tells it itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.launch.provisional import Provisional
from reporter.launch.switchboard import SenderLine
from reporter.names import State
from reporter.record import events
from reporter.settings import resolve
from tests.machine import in_own_processes, needs_root, traced, was_tampered_with
from tests.runs import Training, child
from tests.services.command import COMMAND
from tests.services.programs import Pushgateway, StartPushgateway, fetch
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


@pytest.mark.parametrize("whose", ["of `reporter run`", "of the Reporter", "another gateway"])
def test_a1_b1_both_are_killed_and_the_gateway_is_not_theirs(
    whose: str, tmp_path: Path, pushgateway: Pushgateway, start_pushgateway: StartPushgateway
) -> None:
    """Offline, or on its way to another gateway, a run ends in its record alone."""
    mode = "offline" if whose == "of `reporter run`" else "online"
    training = Training(tmp_path, pushgateway.url, mode=mode)
    chosen = {"of the Reporter": "mode='offline'", "another gateway": "gateway=sys.argv[1]"}
    lines = ("import sys", *KILLS_BOTH)
    code = "\n".join(lines).replace("Reporter()", f"Reporter({chosen.get(whose, '')})")
    other = start_pushgateway()
    assert training.run([*RUN, *_python(code), other.url]).code == 137
    record = training.record()
    assert (record.state, record.reason, record.delivered) == (State.FAILED, "signal", False)
    assert list(record.points["loss"].values) == [0.37]
    assert training.group().samples == []


def test_a_reporter_that_did_not_wait_for_the_run(
    tmp_path: Path, pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that it was given is forgotten once it shows that it went on without it."""
    monkeypatch.chdir(tmp_path)
    training = Training(tmp_path, pushgateway.url, project=tmp_path.name)
    for name, value in training.settings.items():
        monkeypatch.setenv(name, value)
    settings = resolve({})
    shown = Provisional(settings, ["train"])
    wait_for(lambda: training.runs() and training.group().state, what="the run to show")
    (run,) = training.runs()
    taken = shown.hand_over(0, settings.gateway)
    assert taken is not None
    shown.not_taken()
    shown.tend([])
    assert training.group(run).state is State.RUNNING
    called = [_called({**taken["group"], "run": "another"}, training)]
    shown.tend(called)
    wait_for(lambda: training.group(run).samples == [], what="the group to go")
    assert shown.settle(called) is None
    assert training.runs() == []


def _called(group: dict[str, str], training: Training) -> SenderLine:
    """A sender of rank 0 as it tells of itself."""
    line, folder = socket.socket(), str(training.folder)
    with line:
        return SenderLine(line, os.getuid(), os.getpid(), 0, folder, group, training.gateway)


LEAVES_NO_ROOM = """
import os, resource
from reporter.launch.provisional import Provisional
from reporter.record.hold import is_held
from reporter.record.paths import RunPaths
from reporter.settings import resolve
settings = resolve({"run": "x"})
free = os.dup(0)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, 4096))
try:
    Provisional(settings, ["train"])
except OSError:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    paths = RunPaths(settings.dir, settings.project, "x", 0)
    print(os.path.exists(paths.events), is_held(paths.folder))
"""


def test_a_run_that_cannot_be_shown_is_free(tmp_path: Path) -> None:
    """Where there is no room for a sender the record is given up, so that a Reporter may have it:
    nothing of it stays open."""
    training = Training(tmp_path, mode="offline")
    ended = training.run([sys.executable, "-c", LEAVES_NO_ROOM])
    assert ended.out == "True False\n", ended.err


def test_d5_training_goes_on_where_there_are_no_locks(tmp_path: Path) -> None:
    """What trains on in the background is not told to have ended, though nothing locks it."""
    training = Training(tmp_path, mode="offline")
    os.mkfifo(tmp_path / "fifo")
    script = f"{' '.join(child('stopping.py', '0'))} & echo $!; read line < fifo; exit 5"
    traces = traced(tmp_path / "calls", "flock:error=ENOLCK")
    with training.started([*traces, *RUN, "sh", "-c", script]) as process:
        assert process.stdout is not None
        trainer = int(process.stdout.readline())
        try:
            assert process.stdout.readline() == "training\n"
            (tmp_path / "fifo").write_text("go\n")
            assert process.wait(20) == 5
            assert was_tampered_with(tmp_path / "calls")
            assert training.record().state is State.RUNNING
        finally:
            os.kill(trainer, signal.SIGTERM)
    assert training.ended_record().state is State.SUCCEEDED


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


@pytest.mark.parametrize(
    ("limit", "lacking"),
    [
        ("-f 1000", ["the run is not shown: OSError", "its console is not kept: OSError"]),
        ("-n 12", ["its console is not kept: OSError"]),
    ],
)
def test_d7_limits_that_leave_no_room_for_us(
    limit: str, lacking: list[str], tmp_path: Path
) -> None:
    """The program runs, and its exit code is passed on, whatever we lack; a line each says what."""
    training = Training(tmp_path, mode="offline")
    command = subprocess.list2cmdline([*RUN, "sh", "-c", "echo ran; exit 3"])
    ended = training.run(["bash", "-c", f"ulimit {limit}; exec {command}"])
    assert (ended.code, ended.out) == (3, "ran\n"), ended.err
    told = [line.partition(": [Errno")[0] for line in ended.err.splitlines()]
    assert told == [f"reporter run: {what}" for what in lacking]


def test_a_hang_up_of_the_terminal(tmp_path: Path) -> None:
    """A terminal that is closed ends the program too, as it would without `reporter run`."""
    training = Training(tmp_path, mode="offline")
    pid, terminal = os.forkpty()
    if not pid:
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
