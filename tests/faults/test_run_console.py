"""`reporter run` and what a program prints: passed on, kept, and never waited for."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from reporter.launch.relay import TAIL_BYTES
from reporter.names import State
from tests.runs import Training
from tests.services.command import COMMAND
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

RUN = [*COMMAND, "run", "--"]
MUCH = 32 << 20  # bytes: far more than any pipe or backlog holds
PRINTS = f"""
import os, sys
line = b"x" * 1023 + b"\\n"
print("begun", flush=True)
sys.stdin.readline()
for _ in range({MUCH} // 1024): os.write(1, line)
open("done", "w").close()
"""


def _console(training: Training) -> bytes:
    (artifact,) = training.record().artifacts
    assert (artifact["name"], artifact["kind"]) == ("console.log", "log")
    kept: bytes = (Path(training.record().folder) / artifact["path"]).read_bytes()
    assert len(kept) == artifact["size"]
    return kept


def test_both_streams_are_passed_on_and_kept(tmp_path: Path) -> None:
    """What goes to either stream arrives there, and both are in the run's console.log."""
    training = Training(tmp_path, mode="offline")
    code = "import sys; print('out 1'); print('err 1', file=sys.stderr); print('out 2')"
    ended = training.run([*RUN, sys.executable, "-c", code])
    assert (ended.out, ended.err) == ("out 1\nout 2\n", "err 1\n")
    kept = _console(training)
    assert sorted(kept.splitlines()) == [b"err 1", b"out 1", b"out 2"]


def test_a_wrapper_in_a_wrapper_keeps_the_console_once(tmp_path: Path) -> None:
    """Both are the same run; the outer one keeps what is printed, and the end is told once."""
    training = Training(tmp_path, mode="offline")
    ended = training.run([*RUN, *RUN, sys.executable, "-c", "print('once'); raise SystemExit(3)"])
    assert (ended.code, ended.out) == (3, "once\n")
    assert _console(training) == b"once\n"
    record = training.record()
    assert (record.state, record.reason, record.attempt) == (State.FAILED, "exit_code", 1)


def test_output_without_a_newline_or_text_is_kept_as_it_is(tmp_path: Path) -> None:
    """Bytes are bytes: no encoding, no line is needed."""
    training = Training(tmp_path, mode="offline")
    code = r"import os; os.write(1, b'\xff\x00half')"
    command, environment = [*RUN, sys.executable, "-c", code], {**os.environ, **training.settings}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert shown.stdout == b"\xff\x00half"
    assert _console(training) == b"\xff\x00half"


def test_the_end_of_a_long_console_is_kept(tmp_path: Path) -> None:
    """A megabyte at most, from the start of a line on; its first line says how much is missing."""
    training = Training(tmp_path, mode="offline")
    code = "for n in range(400_000): print('line', n)"
    ended = training.run([*RUN, sys.executable, "-c", code])
    kept = _console(training).decode()
    assert len(ended.out.splitlines()) == 400_000
    first, *lines = kept.splitlines()
    assert len(kept) < TAIL_BYTES + 100
    assert lines[-1] == "line 399999"
    cut = len(ended.out) - sum(len(line) + 1 for line in lines)
    assert first == f"[reporter: the first {cut} bytes are not kept]"


@pytest.mark.parametrize("how", ["stopped wrapper", "terminal that takes nothing"])
def test_b2_a_print_never_waits(how: str, tmp_path: Path) -> None:
    """A stopped `reporter run`, or a terminal that takes nothing, never makes a `print` wait."""
    training = Training(tmp_path, mode="offline")
    with training.started([*RUN, sys.executable, "-c", PRINTS]) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        if how == "stopped wrapper":
            os.kill(process.pid, signal.SIGSTOP)
        process.stdin.write("go\n")
        process.stdin.flush()
        wait_for((tmp_path / "done").exists, what="the program to have printed all")
        os.kill(process.pid, signal.SIGCONT)
        if how == "stopped wrapper":
            assert len(process.stdout.read()) > MUCH // 10
        assert process.wait(20) == 0
    assert training.record().state is State.SUCCEEDED
    assert _console(training).endswith(b"x\n")


def test_a_reader_that_is_slow_gets_everything(tmp_path: Path) -> None:
    """What reads more slowly than the program prints (`| gzip`) misses nothing: as in any pipe, the
    program waits for it, and so does `reporter run` at the end."""
    training = Training(tmp_path, mode="offline")
    code = "for n in range(3_000_000): print('line', n)"
    pack, shown = zlib.compressobj(9), hashlib.sha256()
    with training.started([*RUN, sys.executable, "-c", code]) as process:
        assert process.stdout is not None
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            pack.compress(piece)
            shown.update(piece)
        assert process.wait(20) == 0
    printed = hashlib.sha256()
    for n in range(3_000_000):
        printed.update(b"line %d\n" % n)
    assert shown.hexdigest() == printed.hexdigest()


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    """A reader that leaves (`| head`) does not end the program, as a broken pipe would."""
    training = Training(tmp_path, mode="offline")
    code = "for n in range(100_000): print('line', n)"
    with training.started([*RUN, sys.executable, "-c", code]) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(20) == 0
    assert _console(training).endswith(b"line 99999\n")


def test_a_stream_that_is_opened_anew(tmp_path: Path) -> None:
    """A shell's `> /dev/stderr` passes on what follows, as with any pipe."""
    training = Training(tmp_path, mode="offline")
    script = "echo first >&2; sleep 0.3; echo second > /dev/stderr; sleep 0.3; echo third >&2"
    ended = training.run([*RUN, "sh", "-c", script])
    assert ended.err.splitlines() == ["first", "second", "third"]


def test_closed_standard_streams_of_the_wrapper(tmp_path: Path) -> None:
    """Without streams of its own it runs the program all the same, and keeps its console."""
    training = Training(tmp_path, mode="offline")
    command = subprocess.list2cmdline([*RUN, "echo", "hello"])
    ended = training.run(["sh", "-c", f"{command} >&- 2>&- <&-"])
    assert ended.code == 0
    assert _console(training) == b"hello\n"


def test_a_full_disk_costs_the_console_alone(tmp_path: Path) -> None:
    """Where the console cannot be kept one line says so; the exit code is the program's."""
    training = Training(tmp_path, mode="offline", dir="/dev/full/records")
    environment = {"XDG_STATE_HOME": "/dev/full", "TMPDIR": "/dev/full"}
    ended = training.run([*RUN, "sh", "-c", "echo hello; exit 3"], **environment)
    assert (ended.code, ended.out) == (3, "hello\n")
    assert ended.err.count("no record is kept") == len(ended.err.splitlines()) == 1
