"""The writer: what it says it recorded is in the record, across restarts and limits."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from reporter.errors import RecordDamaged
from reporter.record import events
from reporter.record.hold import hold
from reporter.record.load import load
from reporter.record.writer import RecordWriter
from tests.unit.record.records import LIMIT, block, bytes_of, paths_in, replace_bytes, values


def test_a_run_is_written_and_read(tmp_path: Path) -> None:
    """Facts, names, points, events and the end, as a sender writes them."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    writer.write_run({"run": "run", "name": "amber-birch"})
    writer.write_run({"commit": "abc"})
    writer.event(events.START, attempt=1)
    writer.name(1, "loss")
    writer.name(2, "acc")
    assert writer.points(0, 3, 5.0, False, [-1, 2, -1], [0.5, 9.0, 0.25], [1, 0, 2]) == 3
    assert writer.newest(2, 10.0, None)
    writer.event(events.END, state=2, reason="returned", detail="")
    assert writer.sync()
    writer.close()
    record = load(paths.folder)
    assert record.identity == {"run": "run", "name": "amber-birch", "commit": "abc"}
    assert list(record.points["loss"].values) == [0.5, 0.25]
    assert record.points["loss"].steps == [1, 2]
    assert record.points["acc"].steps == [None]
    assert list(record.points["acc"].times) == [5.0]
    assert record.newest == {"loss": (0.25, 2), "acc": (10.0, None)}
    assert record.damage == 0


def test_files_are_for_nobody_else(tmp_path: Path) -> None:
    """Folders 0700, files 0600, whatever the umask; nothing of ours stays behind."""
    paths = paths_in(tmp_path)
    before = os.umask(0)
    try:
        writer = RecordWriter(paths, limit_bytes=LIMIT)
        writer.write_run({})
        writer.close()
    finally:
        os.umask(before)
    folder = paths.folder
    for _ in range(4):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        folder = os.path.dirname(folder)
    modes = {e.name: stat.S_IMODE(e.stat().st_mode) for e in os.scandir(paths.folder)}
    assert modes == {"run.json": 0o600, "points.bin": 0o600, "events.jsonl": 0o600}


@pytest.mark.parametrize("file", ["points", "events", "run_json", "reserve"])
def test_links_are_not_followed(tmp_path: Path, file: str) -> None:
    """Whoever puts a link where a file of the record goes changes nothing elsewhere."""
    paths = paths_in(tmp_path)
    os.makedirs(paths.folder)
    target = tmp_path / "precious"
    target.write_text("kept")
    os.symlink(target, getattr(paths, file))
    try:
        writer = RecordWriter(paths, limit_bytes=LIMIT)
        assert writer.write_run({"a": 1})
        assert block(writer, 0, 1) == 1
        writer.close()
    except OSError:
        assert file in ("points", "events")
    assert target.read_text() == "kept"


def test_every_format_carries_its_number(tmp_path: Path) -> None:
    """So that a later version can tell."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    writer.write_run({})
    writer.close()
    assert bytes_of(paths.points) == b"RPTS\1\0"
    assert json.loads(bytes_of(paths.run_json))["format"] == 1
    assert json.loads(bytes_of(paths.events).splitlines()[0])["format"] == 1


@pytest.mark.parametrize(
    ("file", "other"), [("points", b"RPTS\2\0"), ("run_json", b'{"format": 2}')]
)
def test_the_files_of_a_later_version_are_left_alone(
    tmp_path: Path, file: str, other: bytes
) -> None:
    """Neither read as something else nor cut."""
    paths = paths_in(tmp_path)
    RecordWriter(paths, limit_bytes=LIMIT).close()
    Path(getattr(paths, file)).touch()
    replace_bytes(getattr(paths, file), other)
    with pytest.raises(RecordDamaged, match="another version"):
        RecordWriter(paths, limit_bytes=LIMIT)
    with pytest.raises(RecordDamaged, match="another version"):
        load(paths.folder)
    assert bytes_of(getattr(paths, file)) == other


def test_a_successor_goes_on_where_the_record_ends(tmp_path: Path) -> None:
    """After a takeover `recorded_to` is read back, for this attempt alone."""
    paths = paths_in(tmp_path)
    first = RecordWriter(paths, limit_bytes=LIMIT)
    first.name(1, "loss")
    assert first.recorded_to == 0
    block(first, 0, 10)
    block(first, 10, 10)
    assert first.recorded_to == 20
    first.close()
    successor = RecordWriter(paths, limit_bytes=LIMIT)
    assert successor.recorded_to == 20
    successor.close()
    next_attempt = RecordWriter(paths, limit_bytes=LIMIT, attempt=2)
    assert (next_attempt.attempt, next_attempt.recorded_to) == (2, 0)
    next_attempt.close()


def test_what_a_successor_repeats_is_read_once(tmp_path: Path) -> None:
    """A block that was recorded, but not handed back, before the sender was killed."""
    paths = paths_in(tmp_path)
    first = RecordWriter(paths, limit_bytes=LIMIT)
    first.name(1, "loss")
    block(first, 0, 100)
    block(first, 100, 100)
    first.close()
    second = RecordWriter(paths, limit_bytes=LIMIT)
    second.name(1, "loss")
    block(second, 100, 50)
    block(second, 150, 100)
    block(second, 250, 10)
    second.close()
    assert values(load(paths.folder).points) == list(map(float, range(260)))


def test_repeated_blocks_with_voids_are_read_once(tmp_path: Path) -> None:
    """Where slots held no point, the place of a point is not its slot."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    writer.name(1, "loss")
    writer.points(0, 10, 1.0, False, [1, 1], [0.0, 1.0], [0, 0])
    writer.points(10, 10, 1.0, False, [1, 1, 1], [2.0, 3.0, 4.0], [0, 0, 0])
    writer.points(15, 5, 1.0, False, [1], [4.0], [0])
    writer.points(10, 20, 1.0, False, [1] * 5, [2.0, 3.0, 4.0, 5.0, 6.0], [0] * 5)
    writer.close()
    assert values(load(paths.folder).points) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_new_attempt_counts_its_ring_anew(tmp_path: Path) -> None:
    """The same slots in another attempt are other points, and tags may mean other names."""
    paths = paths_in(tmp_path)
    for attempt, name in ((1, "loss"), (2, "accuracy")):
        writer = RecordWriter(paths, limit_bytes=LIMIT, attempt=attempt)
        writer.name(1, name)
        assert block(writer, 0, 5) == 5
        writer.close()
    points = load(paths.folder).points
    assert values(points, "loss") == values(points, "accuracy") == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_names_are_written_once(tmp_path: Path) -> None:
    """A successor says all names again; the file does not grow by them."""
    paths = paths_in(tmp_path)
    for start in (0, 100):
        writer = RecordWriter(paths, limit_bytes=LIMIT)
        writer.name(1, "loss")
        block(writer, start, 1)
        block(writer, start + 10, 1)
        writer.close()
    assert bytes_of(paths.points).count(b"loss") == 1


@pytest.mark.parametrize("torn", [b"\0" * 5000, b"\2\xff", b"garbage" * 40])
def test_d11_torn_tails_are_cut(tmp_path: Path, torn: bytes) -> None:
    """What a dead machine left behind the last whole entry hides nothing that comes after it."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    writer.name(1, "loss")
    block(writer, 0, 10)
    writer.event(events.TAG, name="a", value="b")
    writer.close()
    sizes = [os.path.getsize(path) for path in (paths.points, paths.events)]
    for path in (paths.points, paths.events):
        with open(path, "ab") as file:
            file.write(torn)
    assert load(paths.folder).damage == len(torn)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    assert [os.path.getsize(path) for path in (paths.points, paths.events)] == sizes
    block(writer, 10, 10)
    writer.event(events.TAG, name="c", value="d")
    writer.close()
    record = load(paths.folder)
    assert values(record.points) == list(map(float, range(20)))
    assert (record.tags, record.damage) == ({"a": "b", "c": "d"}, 0)


def test_the_limit_stops_points_and_nothing_else(tmp_path: Path) -> None:
    """Every point beyond it is refused, also one that would fit; the end is written."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=10_000)
    writer.name(1, "loss")
    recorded = sum(block(writer, start, 100) for start in range(0, 1000, 100))
    assert 0 < recorded < 1000
    assert writer.last_problem == "record_limit"
    assert block(writer, 1000, 1) == 0
    assert os.path.getsize(paths.points) <= 10_000
    assert writer.recorded_to == recorded
    assert writer.newest(1, 1000.0, 1000)
    assert writer.event(events.END, state=2, reason="returned", detail="")
    writer.close()
    record = load(paths.folder)
    assert values(record.points) == list(map(float, range(recorded)))
    assert record.newest["loss"] == (1000.0, 1000)
    assert record.state.word == "succeeded"


def test_events_are_bounded_and_the_end_still_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that notes without end keeps its disk and its end."""
    monkeypatch.setattr("reporter.record.writer._EVENTS_LIMIT", 5000)
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    kept = sum(writer.event(events.NOTE, data={"i": i, "x": "y" * 100}) for i in range(100))
    assert 0 < kept < 100
    assert writer.errors == 100 - kept
    assert writer.event(events.END, state=2, reason="returned", detail="")
    writer.close()
    record = load(paths.folder)
    assert (len(record.notes), record.state.word) == (kept, "succeeded")


def test_what_cannot_be_told_does_not_raise(tmp_path: Path) -> None:
    """An event or a fact that is no JSON is refused and counted, and spoils nothing later."""
    paths = paths_in(tmp_path)
    writer = RecordWriter(paths, limit_bytes=LIMIT)
    assert not writer.event(events.NOTE, data=object())
    assert not writer.event("surprise")
    assert not writer.write_run({"x": float("nan")})
    assert writer.write_run({"a": 1})
    assert writer.errors == 3
    writer.close()
    assert load(paths.folder).identity == {"a": 1}


def test_a_descriptor_that_appends_is_put_right(tmp_path: Path) -> None:
    """The lock's descriptor comes from another process, which may have opened it otherwise."""
    paths = paths_in(tmp_path)
    os.close(hold(paths))
    descriptor = os.open(paths.events, os.O_RDWR | os.O_APPEND)
    writer = RecordWriter(paths, limit_bytes=LIMIT, events_fd=descriptor)
    os.pwrite(descriptor, b"torn", os.path.getsize(paths.events))
    writer.event(events.TAG, name="a", value="b")
    writer.close()
    record = load(paths.folder)
    assert (record.tags, record.damage) == ({"a": "b"}, 0)


def test_d4_sync_runs_beside_writing_and_closing(tmp_path: Path) -> None:
    """Syncing is another thread's business, to the very end."""
    writer = RecordWriter(paths_in(tmp_path), limit_bytes=LIMIT)
    writer.name(1, "loss")
    problems: list[bool] = []
    closed = threading.Event()

    def sync_until_closed() -> None:
        while not closed.is_set():
            problems.append(writer.sync())
        problems.append(writer.sync())

    thread = threading.Thread(target=sync_until_closed)
    thread.start()
    for start in range(0, 2000, 10):
        block(writer, start, 10)
    writer.close()
    closed.set()
    thread.join()
    assert all(problems)


def test_a_base_that_we_made_is_hidden_from_git(tmp_path: Path) -> None:
    """Else each run in a repository would find the record of itself as a change."""
    RecordWriter(paths_in(tmp_path), limit_bytes=LIMIT).close()
    assert (tmp_path / "base" / ".gitignore").read_text() == "*\n"
    (tmp_path / "mine" / "base").mkdir(parents=True)
    RecordWriter(paths_in(tmp_path / "mine"), limit_bytes=LIMIT).close()
    assert not (tmp_path / "mine" / "base" / ".gitignore").exists()
