"""Whatever call the disk fails, what was said to be recorded is, and nothing is invented."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, repeat
from pathlib import Path

import pytest

from reporter.record import events
from reporter.record.load import RunRecord, load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
from tests.machine import needs_root, tiny_disk
from tests.unit.record.disks import FailingDisk
from tests.unit.record.records import (
    LIMIT,
    block,
    bytes_of,
    paths_in,
    replace_bytes,
    values,
)


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Said:
    """What the writer said it recorded, and how much was on the disk at its last sync."""

    points: list[float] = field(default_factory=list)
    refused: int = 0
    tags: list[str] = field(default_factory=list)
    ended: bool = False
    synced_points: int = 0
    synced_sizes: tuple[int, int] = (0, 0)


def write_a_run(
    paths: RunPaths, disk: FailingDisk, clock: Clock, syncs: tuple[int, ...] = (3, 7, 11)
) -> Said:
    """Twelve blocks with events between them, some of them synced, and the end."""
    said = Said()
    try:
        writer = RecordWriter(paths, limit_bytes=LIMIT, disk=disk, monotonic=clock)
    except OSError:
        return said
    writer.name(1, "loss")
    for turn in range(12):
        recorded = block(writer, turn * 10, 10)
        said.refused += 10 - recorded
        said.points += map(float, range(turn * 10, turn * 10 + recorded))
        if writer.event(events.TAG, name=str(turn), value="x"):
            said.tags.append(str(turn))
        if turn in syncs and writer.write_run({"turn": turn}) and writer.sync():
            said.synced_points = len(said.points)
            said.synced_sizes = (os.path.getsize(paths.points), os.path.getsize(paths.events))
        clock.now += 31
    said.ended = writer.event(events.END, state=2, reason="returned", detail="")
    writer.close()
    return said


def check(record: RunRecord, said: Said) -> None:
    assert values(record.points) == said.points
    assert len(said.points) + said.refused in (120, 0)
    assert list(record.tags) == said.tags
    assert record.state.word == ("succeeded" if said.ended else "running")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("for_good", [False, True])
def test_d2_d11_any_call_may_fail(tmp_path: Path, code: int, for_good: bool) -> None:
    """Whichever call the disk fails, once or from then on, what was said to be recorded is, and
    the rest is counted.

    For every n: the n-th call fails, alone or with all after it, a write half done.
    """
    descriptors = os.listdir("/dev/fd")
    for nth in count(1):
        paths = paths_in(tmp_path, run_id=f"run-{nth}")
        disk = FailingDisk(nth, code, for_good=for_good)
        said = write_a_run(paths, disk, Clock())
        check(load(paths.folder), said)
        if not for_good:
            assert said.refused <= 10
        RecordWriter(paths, limit_bytes=LIMIT).close()
        check(load(paths.folder), said)
        if not disk.reached:
            break
    assert nth > 40
    assert os.listdir("/dev/fd") == descriptors


def test_d11_power_may_fail(tmp_path: Path) -> None:
    """What was on the disk a second before survives; of the rest a part, in order, from its
    beginning on.

    Whatever the tail became.
    """
    generator = random.Random(7)
    paths = paths_in(tmp_path)
    said = write_a_run(paths, FailingDisk(0), Clock(), syncs=(3, 7))
    whole = bytes_of(paths.points), bytes_of(paths.events)
    for _ in range(500):
        for path, data, safe in zip(
            (paths.points, paths.events), whole, said.synced_sizes, strict=True
        ):
            # Text has no checksum: that a bit flips in it, a reader cannot know.
            hows = ("cut", "zeroed", "random") + ("flipped",) * (path == paths.points)
            replace_bytes(
                path, data[:safe] + spoilt(data[safe:], generator.choice(hows), generator)
            )
        found = load(paths.folder)
        recovered = values(found.points)
        assert recovered == said.points[: len(recovered)]
        assert len(recovered) >= said.synced_points == 80
        assert list(found.tags) == said.tags[: len(found.tags)]
        assert len(found.tags) >= 8
        writer = RecordWriter(paths, limit_bytes=LIMIT)
        assert writer.recorded_to == len(recovered)
        writer.close()


def spoilt(tail: bytes, how: str, generator: random.Random) -> bytes:
    """A tail as a power failure leaves it."""
    damaged = bytearray(tail)
    at = generator.randrange(len(tail))
    if how == "cut":
        del damaged[at:]
    elif how == "zeroed":
        damaged[at:] = bytes(len(damaged) - at)
    elif how == "flipped":
        damaged[at] ^= 1 << generator.randrange(8)
    else:
        damaged[at:] = generator.randbytes(len(damaged) - at)
    return bytes(damaged)


def test_d2_points_wait_after_an_error(tmp_path: Path) -> None:
    """For 30 s a broken disk is left alone; then points are recorded again, if it works."""
    clock, disk = Clock(), FailingDisk(0)
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT, disk=disk, monotonic=clock)
    writer.name(1, "loss")
    assert block(writer, 0, 10) == 10
    disk.nth, disk.for_good = 1, True
    assert block(writer, 10, 10) == 0
    assert writer.last_problem == "record_error"
    calls = disk.calls
    clock.now = 29.9
    assert block(writer, 20, 10) == 0
    assert disk.calls == calls
    disk.heal()
    assert block(writer, 30, 10) == 0
    clock.now = 30.0
    assert block(writer, 40, 10) == 10
    assert writer.last_problem == ""
    assert writer.recorded_to == 50
    writer.close()
    assert values(load(paths.folder).points) == [*map(float, range(10)), *map(float, range(40, 50))]


def test_a_name_is_not_lost_with_its_first_points(tmp_path: Path) -> None:
    """It was due when the disk failed, and is written with the next points."""
    clock, disk = Clock(), FailingDisk(0)
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT, disk=disk, monotonic=clock)
    disk.nth, disk.for_good = 1, True
    writer.name(1, "loss")
    assert block(writer, 0, 10) == 0
    disk.heal()
    clock.now = 31
    assert block(writer, 10, 10) == 10
    writer.close()
    assert values(load(paths.folder).points) == list(map(float, range(10, 20)))


def test_d3_a_failed_sync_is_said(tmp_path: Path) -> None:
    """A second sync does not pretend to have helped."""
    disk = FailingDisk(0)
    writer = RecordWriter(paths_in(tmp_path), limit_bytes=LIMIT, disk=disk)
    writer.name(1, "loss")
    block(writer, 0, 10)
    disk.nth = disk.calls + 1
    assert not writer.sync()
    calls = disk.calls
    assert writer.sync()
    assert disk.calls == calls
    writer.close()


CHILD = """
import resource, sys
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
writer = RecordWriter(RunPaths.of_folder(sys.argv[1]), limit_bytes=2 << 30)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, resource.RLIM_INFINITY))
writer.name(1, "loss")
recorded = 0
for start in range(0, 10_000, 100):
    slots = list(range(start, start + 100))
    recorded += writer.points(start, 100, 1.0, False, [-1] * 100, [float(s) for s in slots], slots)
ended = writer.event("end", state=2, reason="returned", detail="")
writer.close()
print(recorded, writer.last_problem, ended)
"""


def test_d2_d7_the_kernel_may_cut_a_write_short(tmp_path: Path) -> None:
    """Points behind a limit on the size of files are counted, and the run's end is written.

    A real short write and then EFBIG.
    """
    paths = paths_in(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, paths.folder],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    recorded, problem, ended = done.stdout.split()
    assert (problem, ended) == ("record_error", "True")
    record = load(paths.folder)
    assert 0 < int(recorded) < 10_000
    assert values(record.points) == list(map(float, range(int(recorded))))
    assert (record.state.word, record.damage) == ("succeeded", 0)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    with tiny_disk(tmp_path / "tiny", "512k") as folder:
        yield folder


def fill(folder: Path) -> Path:
    """Takes all room that is left."""
    path = folder / "other"
    with open(path, "ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.writelines(repeat(b"x" * 4096))
    return path


@pytest.mark.root
@needs_root
def test_d2_a_full_disk_still_gets_the_end(tiny: Path) -> None:
    """However full the disk, how many points were lost and how the run ended is written."""
    clock = Clock()
    paths = paths_in(tiny)
    writer = RecordWriter(paths, limit_bytes=LIMIT, monotonic=clock)
    writer.name(1, "loss")
    fill(tiny)
    recorded = 0
    for turn in range(600):
        recorded += block(writer, turn * 10, 10)
        clock.now += 31
        writer.event(events.NOTE, data={"long": "x" * 900})
        fill(tiny)
    assert writer.last_problem == "record_error"
    assert recorded < 6000
    assert writer.event(events.DROPPED, record_error=6000 - recorded)
    assert writer.event(events.END, state=3, reason="exception", detail="x" * 1000)
    writer.close()
    record = load(paths.folder)
    assert values(record.points) == list(map(float, range(recorded)))
    assert record.dropped == {"record_error": 6000 - recorded}
    assert (record.state.word, record.damage) == ("failed", 0)


@pytest.mark.root
@needs_root
def test_d2_a_disk_that_was_full_is_used_again(tiny: Path) -> None:
    """Once there is room again, the history goes on."""
    clock = Clock()
    paths = paths_in(tiny)
    writer = RecordWriter(paths, limit_bytes=LIMIT, monotonic=clock)
    writer.name(1, "loss")
    assert block(writer, 0, 10) == 10
    other = fill(tiny)
    start = 10
    while block(writer, start, 50):
        start += 50
    other.unlink()
    clock.now += 31
    assert block(writer, start, 10) == 10
    writer.close()
    record = load(paths.folder)
    assert values(record.points) == list(map(float, range(start + 10)))
    assert record.damage == 0


@pytest.mark.root
@needs_root
def test_d2_points_do_not_take_the_room_for_last_words(tiny: Path) -> None:
    """What becomes free is set aside for the run's end first."""
    clock = Clock()
    paths = paths_in(tiny)
    writer = RecordWriter(paths, limit_bytes=LIMIT, monotonic=clock)
    writer.name(1, "loss")
    other = fill(tiny)
    assert writer.event(events.DROPPED, ring_full=1, why="x" * 20_000)
    os.truncate(other, os.path.getsize(other) - 8192)
    assert block(writer, 0, 10) == 0
    other.unlink()
    clock.now += 31
    assert block(writer, 0, 10) == 10
    writer.close()
