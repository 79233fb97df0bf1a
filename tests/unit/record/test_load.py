"""Reading records: what the events add up to, and whatever a folder holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporter.errors import RecordDamaged
from reporter.names import State
from reporter.record import events
from reporter.record.load import find_records, load
from reporter.record.writer import RecordWriter
from tests.unit.record.records import LIMIT, block, paths_in, replace_bytes


def writer_in(folder: Path, attempt: int = 1) -> RecordWriter:
    moments = iter(range(1000 * attempt, 1000 * attempt + 999))
    return RecordWriter(
        paths_in(folder), limit_bytes=LIMIT, attempt=attempt, clock=lambda: float(next(moments))
    )


def test_the_story_of_a_run(tmp_path: Path) -> None:
    """Every kind of event is where its reader looks for it."""
    writer = writer_in(tmp_path)
    writer.event(events.START, attempt=1, group={"run": "r"}, interval=5.0)
    writer.event(events.PARAMETER, name="lr", value=0.1)
    writer.event(events.PARAMETER, name="lr", value=0.2)
    writer.event(events.TAG, name="team", value="vision")
    writer.event(events.STAGE, name="train")
    writer.event(events.STAGE, name=None)
    writer.event(events.MILESTONE, name="data ready")
    writer.event(events.NOTE, data={"rows": 3})
    writer.event(events.ARTIFACT, name="m", kind="model", size=1, sha256="00", path="m.pt")
    writer.event(events.DROPPED, ring_full=1)
    writer.event(events.DROPPED, ring_full=4, bad_value=2)
    writer.event(events.END, state=3, reason="exception", detail="ValueError")
    writer.event(events.DELIVERED)
    writer.close()
    record = load(paths_in(tmp_path).folder)
    assert (record.attempt, record.start_time, record.end_time) == (1, 1000.0, 1011.0)
    assert record.parameters == {"lr": 0.2}
    assert record.tags == {"team": "vision"}
    assert record.stages == [(1004.0, "train"), (1005.0, None)]
    assert record.milestones == [(1006.0, "data ready")]
    assert record.notes == [(1007.0, {"rows": 3})]
    assert [(a["name"], a["kind"], a["path"]) for a in record.artifacts] == [("m", "model", "m.pt")]
    assert record.dropped == {"ring_full": 4, "bad_value": 2}
    assert (record.state, record.reason, record.detail) == (State.FAILED, "exception", "ValueError")
    assert record.delivered
    assert record.damage == 0


def test_a_run_ends_once(tmp_path: Path) -> None:
    """Of two ends the first holds: it is the one that was pushed."""
    writer = writer_in(tmp_path)
    writer.event(events.START, attempt=1)
    writer.event(events.END, state=2, reason="returned", detail="")
    writer.event(events.END, state=3, reason="died", detail="")
    writer.close()
    record = load(paths_in(tmp_path).folder)
    assert (record.state, record.reason, record.end_time) == (State.SUCCEEDED, "returned", 1001.0)


def test_a_run_that_goes_on_is_running(tmp_path: Path) -> None:
    """A new attempt has no end yet; what all attempts dropped is added up."""
    first = writer_in(tmp_path, attempt=1)
    first.event(events.START, attempt=1)
    first.event(events.DROPPED, ring_full=4)
    first.event(events.END, state=3, reason="died", detail="")
    first.event(events.DELIVERED)
    first.close()
    second = writer_in(tmp_path, attempt=2)
    second.event(events.START, attempt=2)
    second.event(events.DROPPED, ring_full=1)
    second.event(events.DROPPED, ring_full=3)
    second.close()
    record = load(paths_in(tmp_path).folder)
    assert (record.attempt, record.state, record.reason) == (2, State.RUNNING, "")
    assert (record.start_time, record.end_time, record.delivered) == (2000.0, None, False)
    assert record.dropped == {"ring_full": 7}


@pytest.mark.parametrize(
    "line",
    [
        b'{"t": 1, "e": "end", "state": 99, "reason": "x"}',
        b'{"t": 1, "e": "end"}',
        b'{"t": 1, "e": "start", "attempt": 1e400}',
        b'{"t": 1, "e": "start", "attempt": "one"}',
        b'{"t": 1, "e": "parameter", "name": ["x"], "value": 1}',
        b'{"t": 1, "e": "stage"}',
        b'{"t": 1, "e": "note", "data": 5}',
        b'{"t": 1, "e": "dropped", "ring_full": null}',
        b'{"t": 1, "e": "milestone", "name": 7}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_makes_no_sense_costs_itself(tmp_path: Path, line: bytes) -> None:
    """It is counted, and what is around it is read."""
    writer = writer_in(tmp_path)
    writer.event(events.TAG, name="a", value="b")
    writer.close()
    paths = paths_in(tmp_path)
    with open(paths.events, "ab") as file:
        file.write(line + b'\n{"t": 1, "e": "tag", "name": "c", "value": "d"}\n')
    record = load(paths.folder)
    assert record.tags == {"a": "b", "c": "d"}
    assert record.damage == 1
    assert record.state is State.RUNNING


def test_a_kind_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    """It is no damage."""
    RecordWriter(paths_in(tmp_path), limit_bytes=LIMIT).close()
    with open(paths_in(tmp_path).events, "ab") as file:
        file.write(b'{"t": 1, "e": "of_tomorrow"}\n')
    assert load(paths_in(tmp_path).folder).damage == 0


@pytest.mark.parametrize("absent", ["run_json", "events", "points"])
def test_any_file_may_be_absent(tmp_path: Path, absent: str) -> None:
    """What is there is read."""
    paths = paths_in(tmp_path)
    writer = writer_in(tmp_path)
    writer.write_run({"run": "r"})
    writer.name(1, "loss")
    block(writer, 0, 3)
    writer.event(events.END, state=2, reason="returned", detail="")
    writer.close()
    os.unlink(getattr(paths, absent))
    record = load(paths.folder)
    assert record.identity == ({} if absent == "run_json" else {"run": "r"})
    assert record.state is (State.RUNNING if absent == "events" else State.SUCCEEDED)
    assert len(record.points) == (0 if absent == "points" else 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(run=st.binary(max_size=60), points=st.binary(max_size=200), lines=st.binary(max_size=200))
def test_d11_garbage_files_are_read_as_damage(
    tmp_path: Path, run: bytes, points: bytes, lines: bytes
) -> None:
    """Garbage in a file is counted as damage, and nothing is invented from it."""
    RecordWriter(paths_in(tmp_path), limit_bytes=LIMIT).close()
    paths = paths_in(tmp_path)
    Path(paths.run_json).touch()
    replace_bytes(paths.run_json, run)
    replace_bytes(paths.points, b"RPTS\1\0" + points)
    replace_bytes(paths.events, lines)
    record = load(paths.folder)
    assert (record.points, record.newest, record.tags) == ({}, {}, {})
    assert record.damage >= len(points)


def test_a_folder_that_is_no_record_is_refused(tmp_path: Path) -> None:
    """With its name and what is missing."""
    with pytest.raises(RecordDamaged, match=r"nowhere.*no run\.json"):
        load(str(tmp_path / "nowhere"))
    with pytest.raises(RecordDamaged, match="no record"):
        load(str(tmp_path))


def test_a_pipe_in_a_files_place_does_not_block(tmp_path: Path) -> None:
    """Readers are not made to wait by what somebody put into the folder."""
    paths = paths_in(tmp_path)
    RecordWriter(paths, limit_bytes=LIMIT).close()
    os.unlink(paths.points)
    os.mkfifo(paths.points)
    assert load(paths.folder).points == {}


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """Not even a torn tail is put right: the record may be alive, or the disk read-only."""
    paths = paths_in(tmp_path)
    writer = writer_in(tmp_path)
    writer.name(1, "loss")
    block(writer, 0, 3)
    writer.close()
    with open(paths.points, "ab") as file:
        file.write(b"torn")
    before = {e.name: (e.stat().st_size, e.stat().st_mtime_ns) for e in os.scandir(paths.folder)}
    record = load(paths.folder)
    assert (len(record.points["loss"]), record.damage) == (3, 4)
    after = {e.name: (e.stat().st_size, e.stat().st_mtime_ns) for e in os.scandir(paths.folder)}
    assert before == after


def test_records_are_found_in_the_order_of_their_runs(tmp_path: Path) -> None:
    """All ranks, by number; folders that are no record are passed over."""
    for run_id, rank in (("b", 10), ("b", 2), ("a", 0)):
        RecordWriter(paths_in(tmp_path, run_id, rank), limit_bytes=LIMIT).close()
    (tmp_path / "base" / "project" / "c" / "rank-0").mkdir(parents=True)
    (tmp_path / "base" / "project" / "c" / "notes").mkdir()
    (tmp_path / "base" / "stray.txt").touch()
    base = str(tmp_path / "base")
    expected = [paths_in(tmp_path, *at).folder for at in (("a", 0), ("b", 2), ("b", 10))]
    assert find_records(base) == expected
    assert find_records(base + "/nowhere") == []
