"""A process that dies, and power that fails, at any call: what is read back, and what goes on."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from reporter.record import events
from reporter.record.load import RunRecord, load
from reporter.record.paths import RunPaths
from reporter.record.points import HEADER
from reporter.record.writer import RecordWriter
from tests.unit.record.disks import Died, DyingDisk, FailingDisk
from tests.unit.record.records import LIMIT, block, bytes_of, paths_in, replace_bytes, values

TURNS, SYNCED = 12, (3, 7, 11)
SHARES = (0, 0.5, 1)  # how much of the last call has happened
TAILS = ("cut", "zeroed", "garbage", "flipped", "longer")


@dataclass
class Said:
    """What the writer said before it died: recorded, and safe from a power failure."""

    points: list[float] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    ended: bool = False
    safe_points: int = 0
    safe_tags: int = 0


@contextmanager
def process() -> Iterator[None]:
    """What a process opens, its death closes; nothing else of it happens then."""
    before = open_descriptors()
    try:
        yield
    except Died:
        for descriptor in open_descriptors() - before:
            os.close(descriptor)


def open_descriptors() -> set[int]:
    """All that are open, without the one by which they are listed."""
    listed = map(int, os.listdir("/dev/fd"))
    return {each for each in listed if os.path.exists(f"/dev/fd/{each}")}


def write_a_run(paths: RunPaths, disk: DyingDisk | FailingDisk, said: Said) -> None:
    """Blocks of points with events between them, some of them synced, and the end."""
    writer = RecordWriter(paths, limit_bytes=LIMIT, disk=disk)
    writer.event(events.START, attempt=1, token="t")
    writer.name(1, "loss")
    for turn in range(TURNS):
        recorded = block(writer, turn * 10, 10)
        said.points += map(float, range(turn * 10, turn * 10 + recorded))
        if writer.event(events.TAG, name=str(turn), value="x"):
            said.tags.append(str(turn))
        if turn in SYNCED and writer.write_run({"turn": turn}) and writer.sync():
            said.safe_points, said.safe_tags = len(said.points), len(said.tags)
    said.ended = writer.event(events.END, state=2, reason="returned", detail="")
    writer.close()


def lives() -> Iterator[tuple[int, float]]:
    """Every call at which a process may die, and how much of it has happened."""
    for nth in count(1):
        for share in SHARES:
            yield nth, share


def test_d11_writes_may_be_short(tmp_path: Path) -> None:
    """A disk that takes only a part of a write gets the rest of it, and nothing is lost."""
    for nth in count(1):
        for for_good in (False, True):
            paths = paths_in(tmp_path, run_id=f"run-{nth}-{for_good}")
            disk, said = FailingDisk(nth, 0, for_good=for_good), Said()
            write_a_run(paths, disk, said)
            assert len(said.points) == len(said.tags) * 10 == TURNS * 10
            in_order(load(paths.folder), said, len(said.points), len(said.tags))
        if not disk.reached:
            break
    assert nth > 40


def test_d11_a_process_may_die_at_any_call(tmp_path: Path) -> None:
    """Killed at any call, a sender leaves everything that it said is recorded, and whoever
    continues the run goes on behind it."""
    for nth, share in lives():
        paths = paths_in(tmp_path, run_id=f"run-{nth}-{share}")
        disk, said = DyingDisk(nth, share), Said()
        with process():
            write_a_run(paths, disk, said)
        if os.path.exists(paths.events):
            in_order(load(paths.folder), said, len(said.points), len(said.tags))
        goes_on(paths)
        if disk.calls < nth:
            break
    assert nth > 40
    assert said.ended


@pytest.mark.slow
def test_d11_power_may_fail_at_any_call(tmp_path: Path) -> None:
    """Whenever the power fails, what was synced is there; of the rest a part from its beginning
    on, in order, and nothing that was never reported. A later attempt goes on behind it."""
    generator = random.Random(11)
    for nth, share in lives():
        paths = paths_in(tmp_path, run_id=f"run-{nth}-{share}")
        disk, said = DyingDisk(nth, share), Said()
        with process():
            write_a_run(paths, disk, said)
        lose_power(paths, disk.safe, generator)
        if os.path.exists(paths.events):
            in_order(load(paths.folder), said, said.safe_points, said.safe_tags)
        assert os.path.exists(paths.events) or not said.safe_tags
        goes_on(paths)
        if disk.calls < nth:
            break
    assert nth > 40


def in_order(record: RunRecord, said: Said, points: int, tags: int) -> None:
    """At least so much of what was said, from its beginning on; more at most by the last call."""
    found = values(record.points)
    assert found == [float(slot) for slot in range(len(found))]
    assert points <= len(found) <= len(said.points) + 10
    assert list(record.tags) == [str(turn) for turn in range(len(record.tags))]
    assert tags <= len(record.tags) <= len(said.tags) + 1
    assert record.state.word in ("running", "succeeded")


def goes_on(paths: RunPaths) -> None:
    """A later attempt records behind what is there, and ends."""
    os.makedirs(paths.folder, exist_ok=True)
    with open(paths.events, "ab"):  # points without it are no record, and still there
        before = values(load(paths.folder).points)
    writer = RecordWriter(paths, limit_bytes=LIMIT, attempt=2)
    assert writer.recorded_to == 0
    writer.event(events.START, attempt=2, token="u")
    writer.name(1, "loss")
    assert block(writer, 0, 10) == 10
    assert writer.event(events.END, state=3, reason="exception", detail="")
    writer.close()
    record = load(paths.folder)
    assert values(record.points) == before + [float(slot) for slot in range(10)]
    assert (record.attempt, record.state.word, record.reason) == (2, "failed", "exception")


def lose_power(paths: RunPaths, safe: dict[int, bytes], generator: random.Random) -> None:
    """What was synced stays; of the rest of each file something, if the file is there at all."""
    for path in (paths.points, paths.events):
        if not os.path.exists(path):
            continue
        kept = safe.get(os.stat(path).st_ino)
        if kept is None and generator.random() < 0.3:
            os.unlink(path)
            continue
        whole = bytes_of(path)
        assert whole.startswith(kept or b"")
        # Text has no checksum: that a bit flips in it, a reader cannot know.
        hows = [how for how in TAILS if how != "flipped" or path == paths.points]
        tail = spoilt(whole[len(kept or b"") :], generator.choice(hows), generator)
        replace_bytes(path, (kept or b"") + tail)
    if os.path.exists(paths.run_json) and generator.random() < 0.2:
        replace_bytes(paths.run_json, b"")


def spoilt(tail: bytes, how: str, generator: random.Random) -> bytes:
    """A tail as a power failure leaves it."""
    at = generator.randrange(len(tail) + 1)
    if at < len(HEADER):  # a disk writes a sector or does not: no header is half there
        at = 0
    if how == "longer":  # the size was on the disk, the data was not
        return tail[:at] + bytes(generator.randrange(9000))
    rest = tail[at:]
    if how == "cut" or not rest:
        return tail[:at]
    if how == "zeroed":
        return tail[:at] + bytes(len(rest))
    if how == "garbage":
        return tail[:at] + generator.randbytes(len(rest))
    return tail[:at] + bytes((rest[0] ^ 1 << generator.randrange(8),)) + rest[1:]
