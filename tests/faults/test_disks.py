"""Disks that are full, broken, slow or far away: training never notices, and nothing is silent."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from tests.machine import named, needs_root, tiny_disk, traced, was_tampered_with
from tests.processes import gone
from tests.runs import Told, Training, child, counted
from tests.services.command import COMMAND
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

QUARTER_OF_AN_HOUR = 900
NO_LOCKS = "flock:error=ENOLCK"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    with tiny_disk(tmp_path / "tiny", "256k") as folder:
        yield folder


@pytest.mark.root
@needs_root
def test_d2_a_disk_that_fills_up(tiny: Path, tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Points that find no room are counted, pushes go on, and there is room set aside for the
    run's end; one notice says what is not in the history."""
    training = Training(tmp_path, pushgateway.url, interval=1, dir=tiny)
    training.records_folder = tiny
    with training.told() as told:
        told("report_metrics", {f"m{n}": 0 for n in range(500)})
        assert told("flush")
        report_without_room(told, training, tiny)
        _, said = told.process.communicate(timeout=20)
        assert said.count("reports are not in the history") == 1
    record, group = training.record(), training.group()
    recorded, dropped = counted(record)
    assert (recorded, dropped, record.damage) == (500, 19 * 500 + 2, 0)
    assert record.dropped["record_error"] == dropped
    assert group.value("reporter_dropped_total", reason="record_error") == dropped
    assert group.value("reporter_reports_total") == 20 * 500 + 2
    assert (record.state, record.delivered, group.state) == (State.SUCCEEDED, True, 2)
    assert len(record.notes) + record.dropped["message_lost"] == 200
    assert record.dropped["message_lost"] > 0
    assert (group.metric("loss"), group.metric("m499")) == (2, 19)


def report_without_room(told: Told, training: Training, disk: Path) -> None:
    """Points, and then so many events that none of them is left any."""
    fill(disk)
    for k in range(1, 20):
        told("report_metrics", {f"m{n}": k for n in range(500)}, k)
    told("report_metric", "loss", 1)
    wait_for(lambda: training.group(told.run).metric("loss") == 1, what="a push")
    for length in (900, 1):  # so that not even the page that was begun has room
        for _ in range(100):
            told("note", {"text": "x" * length})
    fill(disk)
    told("report_metric", "loss", 2)
    wait_for(lambda: training.group(told.run).metric("loss") == 2, what="the next push")


def fill(folder: Path) -> None:
    """Takes all room that is left."""
    with open(folder / "other", "ab", buffering=0) as other:
        for size in (4096, 1):
            with pytest.raises(OSError, match="No space left"):
                other.writelines(repeat(bytes(size)))


@pytest.mark.root
@needs_root
def test_d2_a_disk_that_is_full_from_the_start(
    tiny: Path, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The record is kept elsewhere, if it cannot even be begun; one notice says where."""
    fill(tiny)
    training = Training(tmp_path, pushgateway.url, dir=tiny)
    ended = training.run(child("limited.py"), XDG_STATE_HOME=str(tmp_path / "state"))
    assert (ended.code, ended.out) == (0, "trained True\n")
    assert ended.err.count("No space left on device; it is kept in") == 1
    training.records_folder = tmp_path / "state" / "reporter_runs"
    assert list(training.record().points["loss"].values) == list(range(1000))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process")
def test_d2_a_limit_on_the_size_of_files(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A write that the system cuts short leaves whole entries behind, and the rest is counted."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", 0)
        assert told("flush")
        resource.prlimit(told.sender, resource.RLIMIT_FSIZE, (100_001, 100_001))
        for k in range(20):
            told("report_metrics", {f"m{n}": k for n in range(500)}, k)
        assert told("flush")
        told.leave()
    record, group = training.record(), training.group()
    recorded, dropped = counted(record)
    assert (recorded + dropped, dropped > 0, record.damage) == (20 * 500 + 1, True, 0)
    assert (record.state, record.dropped["record_error"]) == (State.SUCCEEDED, dropped)
    assert (group.state, group.metric("m0"), group.metric("m499")) == (2, 19, 19)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT", "EROFS"])
def test_d2_a_disk_that_breaks_for_good(
    error: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """When the disk takes nothing any more, everything is pushed all the same, and what was on it
    stays readable."""
    training = Training(tmp_path, pushgateway.url, interval=1, exit_timeout=3)
    broken = traced(tmp_path / "calls", f"pwrite64:error={error}:when=8+")
    ended = training.run([*broken, *child("timed.py")])
    reporting, flushed, leaving, status = json.loads(ended.out)
    assert (ended.code, flushed, status["delivered"]) == (0, True, True)
    assert (reporting < 5, leaving < 3) == (True, True)
    record, group = training.record(), training.group()
    assert (group.state, group.metric("loss"), group.parameters("lr")) == (2, 20_000, ["0.1"])
    lost = status["dropped"]["record_error"]
    assert group.value("reporter_dropped_total", reason="record_error") == lost > 0
    assert len(record.points["loss"]) + lost == 20_001
    assert record.damage == 0


@pytest.mark.parametrize("call", ["fsync", "close"])
def test_d3_an_error_that_comes_late(call: str, tmp_path: Path, pushgateway: Pushgateway) -> None:
    """An error that is said only at `fsync` or `close` ends nothing: all is written and pushed on,
    and of a disk that does not say that the record is safe, one notice tells."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    folder = training.records_folder / "p" / "late" / "rank-0"
    files = [folder / name for name in ("run.json.new", "points.bin", "events.jsonl")]
    failing = traced(tmp_path / "calls", f"{call}:error=EIO", of=files)
    names = {"REPORTER_PROJECT": "p", "REPORTER_RUN": "late"}
    ended = training.run([*failing, *child("timed.py")], **names)
    assert was_tampered_with(tmp_path / "calls")
    assert (ended.code, ended.err.count("\n")) == (0, call == "fsync")
    assert ("does not say that the record is safe" in ended.err) == (call == "fsync")
    record, group = training.record(), training.group()
    assert list(record.points["loss"].values) == list(range(20_001))
    assert (record.state, record.delivered, record.damage) == (State.SUCCEEDED, True, 0)
    assert record.identity["name"] == record.identity["run_name"]
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, 20_000)
    assert "Traceback" not in Path(RunPaths.of_folder(record.folder).log).read_text()


@pytest.mark.slow
def test_d4_a_slow_disk(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Only the sender waits for a disk that takes its time for every write and sync: reports cost
    what they always do, and the newest values arrive."""
    training = Training(tmp_path, pushgateway.url, interval=1, exit_timeout=3)
    delays = ("pwrite64:delay_enter=50000", "fsync:delay_enter=300000")
    ended = training.run([*traced(tmp_path / "calls", *delays), *child("timed.py")])
    reporting, flushed, leaving, _ = json.loads(ended.out)
    sys.stdout.write(f"measured: 20,000 reports {reporting} s, leaving {leaving} s\n")
    assert (ended.code, flushed, was_tampered_with(tmp_path / "calls")) == (0, True, True)
    assert reporting < 1
    assert leaving < 3.5
    record = training.ended_record(20)
    assert list(record.points["loss"].values) == list(range(20_001))
    assert training.ended_group().metric("loss") == 20_000


@pytest.mark.slow
def test_d5_a_file_system_without_locks(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A run is recorded there as anywhere. Whether it lives is told by its process, so that
    `reporter push` leaves it alone, and closes it once it has died."""
    training = Training(tmp_path, pushgateway.url, interval=1, run="far-away")
    with training.started([*traced(tmp_path / "trainer", NO_LOCKS), *child("told.py")]) as process:
        told = Told(process)
        told("report_metric", "loss", 0.37)
        assert told("flush")
        assert _pushed(training) == "live"
        record = training.record()
        assert (record.state, list(record.points["loss"].values)) == (State.RUNNING, [0.37])
        _kill(told)
        assert _pushed(training) == "delivered"
    record, group = training.record(), training.group()
    assert (record.state, record.reason) == (group.state, group.reason) == (State.FAILED, "died")
    assert group.metric("loss") == 0.37


@pytest.mark.root
@needs_root
@pytest.mark.slow
def test_d5_a_run_of_another_machine(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Seen from another machine, where there are no locks, a run without an end is taken for dead
    once its files have not changed for a quarter of an hour."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.started([*traced(tmp_path / "trainer", NO_LOCKS), *child("told.py")]) as process:
        told = Told(process)
        told("report_metric", "loss", 0.37)
        assert told("flush")
        _kill(told)
    assert _pushed(training, on="another") == "live"
    _age(training.record(), QUARTER_OF_AN_HOUR - 60)
    assert _pushed(training, on="another") == "live"
    _age(training.record(), QUARTER_OF_AN_HOUR + 60)
    assert _pushed(training, on="another") == "delivered"
    assert training.record().reason == "died"


def _pushed(training: Training, on: str = "") -> str:
    """What `reporter push` says of the one run, where there are no locks."""
    machine = named(on) if on else []
    push = [*COMMAND, "push", str(training.records_folder), "--json"]
    calls = training.folder / "calls"
    ended = training.run([*machine, *traced(calls, NO_LOCKS), *push])
    assert was_tampered_with(calls)
    (told,) = json.loads(ended.out)["records"]
    return str(told["done"])


def _kill(told: Told) -> None:
    os.kill(told.sender, signal.SIGKILL)
    wait_for(lambda: gone(told.sender), what="the sender to end")
    told.process.kill()
    told.process.wait()


def _age(record: RunRecord, seconds: float) -> None:
    """As if nothing had been written for so long."""
    then = time.time() - seconds
    for name in ("run.json", "points.bin", "events.jsonl"):
        os.utime(Path(record.folder, name), (then, then))
