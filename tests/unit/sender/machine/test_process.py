"""What training uses, against what the kernel says of its processes one by one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from reporter.sender.machine import process
from reporter.sender.machine.process import TrainingProcesses
from tests.processes import children_of, cpu_seconds, gone, status_of
from tests.runs import Training
from tests.unit.sender.machine.subject import Subject, Ticking, used
from tests.waiting import wait_for

MIB = 2**20
WRITES = """
with open({path!r}, "wb") as file:
    file.write(bytes({size}))
    file.flush()
    __import__("os").fsync(file.fileno())
"""


def resident(pid: int) -> tuple[int, int]:
    """All of a process that is in memory, and the part that others may have too: bytes."""
    words = Path(f"/proc/{pid}/statm").read_text().split()
    size = os.sysconf("SC_PAGE_SIZE")
    return int(words[1]) * size, int(words[2]) * size


def written(pid: int) -> int:
    """The bytes that it has written to a disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def test_a_child_that_burns_processor_time_is_seen(subject: Subject) -> None:
    """In cores: the processor time of all of them by the time that has passed."""
    processes = TrainingProcesses(subject.pid, Ticking())
    child = subject.starts("import time\nwhile time.process_time() < 0.3: pass")
    before = cpu_seconds(child)
    ratio = used(processes, "cpu_ratio")  # of one second, by this test's clock
    assert 0.28 <= before <= ratio + 0.011
    assert ratio <= cpu_seconds(child) + cpu_seconds(subject.pid) + 0.011


def test_time_of_a_child_that_lived_between_two_readings_counts(subject: Subject) -> None:
    """Many short ones would go unseen otherwise: the kernel adds theirs to who waited for them."""
    processes = TrainingProcesses(subject.pid, Ticking())
    subject.starts("import time\nwhile time.process_time() < 0.3: pass")
    subject("child.communicate()")
    assert used(processes, "cpu_ratio") >= 0.28
    assert used(processes, "cpu_ratio") < 0.1


def test_time_is_not_counted_twice_when_a_child_ends(subject: Subject) -> None:
    """What was seen of it while it lived is not seen again in its parent."""
    processes = TrainingProcesses(subject.pid, Ticking())
    subject.starts("import time\nwhile time.process_time() < 0.3: pass")
    assert used(processes, "cpu_ratio") >= 0.28
    subject("child.communicate()")
    assert used(processes, "cpu_ratio") < 0.1


def test_memory_and_threads_are_those_of_all_of_them(subject: Subject) -> None:
    """A child's libraries are its parent's too, and count once."""
    processes = TrainingProcesses(subject.pid)
    child = subject.starts(f"kept = bytearray(b'x') * {50 * MIB}")
    (own, _), (of_child, shared) = resident(subject.pid), resident(child)
    assert shared > MIB
    assert used(processes, "memory_bytes") == own + of_child - shared
    assert of_child - shared > 50 * MIB
    threads = [int(status_of(pid)["Threads"]) for pid in (subject.pid, child)]
    assert used(processes, "threads") == sum(threads)


def test_a_child_that_ended_keeps_the_bytes(subject: Subject, tmp_path: Path) -> None:
    """Each byte counts once: while the child lives, when it has ended, when it was waited for."""
    processes = TrainingProcesses(subject.pid)
    before = used(processes, "write_bytes_total")
    child = subject.starts(WRITES.format(path=str(tmp_path / "file"), size=4 * MIB))
    assert 4 * MIB <= written(child) < 8 * MIB
    assert used(processes, "write_bytes_total") == before + written(child)
    subject("child.stdin.close()")
    wait_for(lambda: gone(child), what="the child to end")
    assert before + 4 * MIB <= used(processes, "write_bytes_total") < before + 8 * MIB
    subject("child.wait()")
    assert before + 4 * MIB <= used(processes, "write_bytes_total") < before + 8 * MIB


def test_nothing_falls_where_nobody_waits_for_a_child(subject: Subject, tmp_path: Path) -> None:
    """The kernel forgets what it has done then; the totals do not."""
    processes = TrainingProcesses(subject.pid, Ticking())
    subject("signal.signal(signal.SIGCHLD, signal.SIG_IGN)")
    child = subject.starts(WRITES.format(path=str(tmp_path / "file"), size=4 * MIB))
    before = used(processes, "write_bytes_total")
    subject("child.stdin.close()")
    wait_for(lambda: gone(child), what="the child to end")
    assert written(subject.pid) < 4 * MIB
    assert used(processes, "write_bytes_total") >= before
    assert used(processes, "cpu_ratio") >= 0


def test_a_child_without_a_script_is_none_of_ours(subject: Subject) -> None:
    """An interpreter that has the sender's options and nothing behind them counts as any other."""
    processes = TrainingProcesses(subject.pid)
    subject(
        "child = subprocess.Popen([sys.executable, '-I', '-S'], stdin=subprocess.PIPE);"
        " answer = child.pid"
    )
    assert used(processes, "threads") == 2


def test_a_grandchild_whose_parent_has_ended_is_counted(subject: Subject) -> None:
    """It does the training's work still, whoever the kernel calls its parent."""
    processes = TrainingProcesses(subject.pid)
    child = subject.starts("import subprocess\nsubprocess.Popen(['sleep', '60'])")
    (grandchild,) = children_of(child)
    try:
        assert used(processes, "threads") == 3
        subject("child.kill(); child.wait()")
        assert used(processes, "threads") == 2
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_our_own_senders_are_not_counted(tmp_path: Path) -> None:
    """Neither that of this run nor that of another Reporter of the same process."""
    with Training(tmp_path).told() as told:
        told("report_metric", "loss", 1)
        assert psutil.Process(told.pid).children()
        processes = TrainingProcesses(told.pid)
        assert used(processes, "threads") == int(status_of(told.pid)["Threads"])
        assert used(processes, "memory_bytes") == resident(told.pid)[0]


def test_children_are_found_where_threads_do_not_say(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some kernels are built without, and other systems have no such file."""
    monkeypatch.setattr(process, "_THREADS_SAY", False)
    subject.starts("pass")
    assert used(TrainingProcesses(subject.pid), "threads") == 2


def test_a_process_that_has_ended_is_no_error(subject: Subject) -> None:
    """Its totals stay; it has no memory and no threads any more."""
    processes = TrainingProcesses(subject.pid)
    subject.end()
    families = [name for name, _ in processes.read()]
    assert "reporter_process_threads" not in families
    assert "reporter_process_memory_bytes" not in families
