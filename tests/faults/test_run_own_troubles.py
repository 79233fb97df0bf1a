"""`reporter run` in trouble of its own: the program's end and exit code stay what they are."""

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
from tests.cgroups import few_processes
from tests.machine import needs_root
from tests.misbehaving import Misbehaving
from tests.runs import Training
from tests.services.command import COMMAND
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

RUN = [*COMMAND, "run", "--"]

TAKES_EVERY_PROCESS = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
left = []
try:
    while True:
        pid = os.fork()
        if not pid:
            signal.pause()
        left.append(pid)
except OSError:
    pass
print("full", flush=True)
signal.sigwait([signal.SIGTERM])
for pid in left:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
sys.exit(5)
"""


@pytest.mark.root
@needs_root
def test_d7_no_thread_is_left_for_reporter_run(tmp_path: Path) -> None:
    """Told to stop where no thread can be started, `reporter run` passes it on, and waits."""
    training = Training(tmp_path, mode="offline")
    program = [sys.executable, "-c", TAKES_EVERY_PROCESS]
    with few_processes(40) as entering, training.started([*entering, *RUN, *program]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 5
    record = training.record()
    assert (record.state, record.detail) == (State.CANCELLED, "SIGTERM, then exit code 5")


@contextmanager
def _pipe(how: str) -> Iterator[int]:
    """Where nobody reads: a pipe that is full, or about to be, or one whose reader has left."""
    reader, writer = os.pipe()
    if how == "full":
        os.set_blocking(writer, False)
        try:
            while os.write(writer, bytes(4096)):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
    if how == "left":
        os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)
        if how != "left":
            os.close(reader)


PRINTS = [sys.executable, "-c", "import sys; print('x' * 300_000); sys.exit(3)"]


@pytest.mark.parametrize("how", ["stopped", "full", "left"])
@pytest.mark.parametrize(
    ("command", "code"),
    [(PRINTS, 3), (["no-such-program"], 127)],
    ids=["a program that prints", "no program"],
)
def test_b9_nobody_takes_what_reporter_run_says(
    how: str, command: list[str], code: int, tmp_path: Path
) -> None:
    """A reader that stopped, or left, costs lines of its own; not the exit code, and no time."""
    training = Training(tmp_path)  # without a gateway, which is something to say
    with _pipe(how) as pipe:
        ended = subprocess.run(
            [*RUN, *command],
            cwd=tmp_path,
            env={**os.environ, **training.settings},
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            timeout=30,
            check=False,
        )
    assert ended.returncode == code
    assert training.record().detail == str(code)


@pytest.mark.parametrize("how", ["full", "left"])
def test_b9_nobody_takes_what_is_said_of_a_wrong_variable(how: str, tmp_path: Path) -> None:
    """The program runs all the same."""
    wrong = {**os.environ, "REPORTER_INTERVAL": "abc"}
    command = [*RUN, "sh", "-c", "touch ran; exit 3"]
    with _pipe(how) as pipe:
        ended = subprocess.run(
            command, cwd=tmp_path, env=wrong, stdout=pipe, stderr=pipe, timeout=30, check=False
        )
    assert (ended.returncode, (tmp_path / "ran").exists()) == (3, True)


KILLS_BOTH = """
import os, reporter, time
r = reporter.Reporter().__enter__()
while not r.status()["record"]:
    time.sleep(0.01)
os.kill(r.status()["sender"], 9)
os.kill(os.getpid(), 9)
"""


def test_a1_e4_ends_and_the_console_before_a_gateway_that_never_answers(tmp_path: Path) -> None:
    """`reporter run` ends every run and keeps the console first; and Ctrl-C ends its wait."""
    killed = tmp_path / "killed.py"
    killed.write_text(KILLS_BOTH)
    script = f"echo said; for RANK in 0 1; do export RANK; {sys.executable} {killed}; done; exit 3"
    with Misbehaving("silent") as gateway:
        training = Training(tmp_path, gateway.url, run="x", exit_timeout=1)
        with training.started([*RUN, "sh", "-c", script]) as process:
            wait_for(
                lambda: [each.state for each in training.records()] == [State.FAILED] * 2, 7, "ends"
            )
            assert training.record("x", 0).artifacts[0]["name"] == "console.log"
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 3


def test_e4_ctrl_c_ends_the_wait_for_a_gateway(tmp_path: Path) -> None:
    """Once the program has ended nobody has to wait for its delivery who does not want to."""
    with Misbehaving("silent") as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=30)
        with training.started([*RUN, "sh", "-c", "exit 3"]) as process:
            record = training.ended_record()
            process.send_signal(signal.SIGINT)
            assert process.wait(8) == 3
    assert (record.state, record.detail) == (State.FAILED, "3")
