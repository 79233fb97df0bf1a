"""One process at a time writes a record, and its death lets the next one in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reporter.record.writer
from reporter.record.hold import hold, is_held
from reporter.record.load import load
from reporter.record.writer import RecordHeld, RecordWriter
from tests.unit.record.records import LIMIT, block, paths_in, values

ROOT = Path(reporter.record.writer.__file__).parents[2]
WRITER = """
import sys
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
writer = RecordWriter(RunPaths.of_folder(sys.argv[1]), limit_bytes=2 << 30)
writer.name(1, "loss")
slots = list(range(100))
writer.points(0, 100, 1.0, False, [-1] * 100, [float(slot) for slot in slots], slots)
print("writing", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has written 100 points and holds the record."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, paths_in(tmp_path).folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def test_b12_c17_a_record_has_one_writer(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """Who writes a record holds a lock, and no number of a process that may come again: a second
    writer is turned away, and gets in once the first is dead."""
    paths = paths_in(tmp_path)
    assert is_held(paths.folder)
    with pytest.raises(RecordHeld):
        RecordWriter(paths, limit_bytes=LIMIT)
    assert len(values(load(paths.folder).points)) == 100
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not is_held(paths.folder)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    assert writer.recorded_to == 100
    block(writer, 100, 10)
    writer.close()
    assert values(load(paths.folder).points) == list(map(float, range(110)))


def test_two_writers_in_one_process_are_two(tmp_path: Path) -> None:
    """The lock is of the open file, not of the process."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    with pytest.raises(RecordHeld):
        RecordWriter(paths, limit_bytes=LIMIT)
    writer.close()
    RecordWriter(paths, limit_bytes=LIMIT).close()


def test_a_lock_is_handed_down(tmp_path: Path) -> None:
    """What `hold` gave is the lock; closing the record gives it up for every heir."""
    paths = paths_in(tmp_path)
    descriptor = hold(paths)
    heir = os.dup(descriptor)
    writer = RecordWriter(paths, limit_bytes=LIMIT, events_fd=descriptor)
    assert is_held(paths.folder)
    writer.close()
    assert not is_held(paths.folder)
    os.close(heir)


def test_asking_does_not_turn_a_writer_away(tmp_path: Path) -> None:
    """Nor does it create, hold or change anything."""
    paths = paths_in(tmp_path)
    assert not is_held(paths.folder)
    assert not os.path.exists(paths.folder)
    RecordWriter(paths, limit_bytes=LIMIT).close()
    assert not is_held(paths.folder)
    RecordWriter(paths, limit_bytes=LIMIT).close()


def test_a_writer_that_could_not_start_holds_nothing(tmp_path: Path) -> None:
    """An error on the way leaves no lock and no descriptor behind."""
    paths = paths_in(tmp_path)
    os.makedirs(paths.points)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(OSError, match="points"):
        RecordWriter(paths, limit_bytes=LIMIT)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
    os.rmdir(paths.points)
    RecordWriter(paths, limit_bytes=LIMIT).close()
