"""A machine or a container that is short of something, or not what programs expect."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from tests.cgroups import few_processes
from tests.machine import mounted, named, needs_root
from tests.runs import Group, Told, Training, child, counted
from tests.services.command import reporter as command
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

HOUR, DAY = 3600, 86_400
MEGABYTE = 1_000_000
NOT_REPORTED = ("is not reported", "was not recorded")  # said at once, said at the end
CLOCK_OFF_BY = (0, 1, -2, 0, -1)  # hours, at each step
IN_FOLDER = """
import reporter
with reporter.Reporter(interval=1) as r:
    r.report_metric("loss", 0.37)
    r.artifact(__file__)
"""


def trained_and_pushed(training: Training) -> None:
    """The run is whole, in its record and on the gateway."""
    record, group = training.record(), training.group()
    assert (record.state, list(record.points["loss"].values)) == (
        State.SUCCEEDED,
        list(range(1000)),
    )
    assert (group.state, group.metric("loss"), group.parameters("lr")) == (2, 999, ["0.1"])


@pytest.mark.root
@needs_root
def test_d1_a_read_only_folder(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The record goes below the user's state folder; one notice says so, and nothing else
    changes."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    training.records_folder.mkdir()
    state = tmp_path / "state"
    command = [*mounted(f"-t tmpfs -o ro none {training.records_folder}"), *child("limited.py")]
    ended = training.run(command, XDG_STATE_HOME=str(state))
    assert (ended.code, ended.out) == (0, "trained True\n")
    assert ended.err.count("Read-only file system; it is kept in") == 1
    training.records_folder = state / "reporter_runs"
    trained_and_pushed(training)


@pytest.mark.root
@needs_root
def test_d1_nowhere_to_write(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Where no folder can be written, everything is pushed all the same; that there is no record
    is said once, and what is not in it is counted."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    training.records_folder.mkdir()
    nowhere = str(training.records_folder)
    command = [*mounted(f"-t tmpfs -o ro none {nowhere}"), *child("limited.py")]
    before = set(runs_on(pushgateway))
    ended = training.run(command, XDG_STATE_HOME=nowhere, TMPDIR=nowhere)
    assert (ended.code, ended.out) == (0, "trained False\n")
    assert ended.err.count("no record is kept") == 1
    (run,) = set(runs_on(pushgateway)) - before
    group = training.group(run)
    assert (group.state, group.metric("loss"), group.parameters("lr")) == (2, 999, ["0.1"])
    assert group.value("reporter_dropped_total", reason="record_error") == 1001


def runs_on(gateway: Pushgateway) -> list[str]:
    """The runs that a gateway shows."""
    lines = gateway.metrics().splitlines()
    return [
        line.partition(',run="')[2].partition('"')[0]
        for line in lines
        if line.startswith("reporter_run_state{")
    ]


@pytest.mark.root
@needs_root
@pytest.mark.parametrize("how", ["read-only", "absent"])
def test_d6_shared_memory_without_dev_shm(
    how: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The memory that is shared lies in no folder: a container without /dev/shm changes
    nothing."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    (tmp_path / "dev").mkdir()
    mounts = {"read-only": "-t tmpfs -o ro none /dev/shm", "absent": f"--rbind {tmp_path}/dev /dev"}
    bare = ["null", "urandom", "random"] if how == "absent" else []
    for name in bare:
        (tmp_path / "dev" / name).touch()
    inside = [f"--bind /dev/{name} {tmp_path}/dev/{name}" for name in bare]
    ended = training.run([*mounted(*inside, mounts[how]), *child("limited.py")])
    assert (ended.code, ended.out) == (0, "trained True\n"), ended.err
    trained_and_pushed(training)


@pytest.mark.parametrize("most", [0, 3, 4, 5, 6, 7, 8, 10, 16, 32])
def test_d7_few_descriptors(most: int, tmp_path: Path) -> None:
    """However few descriptors there may be, training goes on, and if it is not reported, a line
    says so at once or at the end."""
    ran_to_its_end(tmp_path, "NOFILE", most, reported=True if most >= 16 else None)


@pytest.mark.parametrize("megabytes", [20, 40, 60, 100])
def test_d7_little_memory(megabytes: int, tmp_path: Path) -> None:
    """Nor does too little address space (`ulimit -v`) end it."""
    reported = True if megabytes >= 60 else None
    ran_to_its_end(tmp_path, "AS", megabytes * MEGABYTE, reported=reported)


@pytest.mark.parametrize(("megabytes", "reported"), [(1, False), (11, False), (12, True)])
def test_d7_small_files(megabytes: int, reported: bool, tmp_path: Path) -> None:
    """Where files may not be as large as the shared memory (`ulimit -f`), one notice says that
    the run is not reported, and training goes on."""
    said = ran_to_its_end(tmp_path, "FSIZE", megabytes * MEGABYTE, reported=reported)
    assert said.count("this run is not reported: OSError") == (not reported)


@pytest.mark.root
@needs_root
@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_d7_few_processes(most: int, tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Where no thread can be started, the run is recorded and not pushed; where no process can,
    one notice says so; training goes on."""
    training = Training(tmp_path, pushgateway.url, interval=1, exit_timeout=1)
    with few_processes(most) as limited:
        ended = training.run([*limited, *child("limited.py")])
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    if most == 1:
        assert ended.err.count("the sender could not be started") == 1
        assert training.records() == []
    elif most == 2:
        assert "can't start new thread" in ended.err
        assert list(training.ended_record().points["loss"].values) == list(range(1000))
    else:
        trained_and_pushed(training)


def ran_to_its_end(folder: Path, limit: str, most: int, *, reported: bool | None) -> str:
    """It did, and said so if it was not reported. None: whether it was, is up to the machine."""
    training = Training(folder, mode="offline")
    ended = training.run(child("limited.py", limit, most))
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err
    was_reported = {"trained True\n": True, "trained False\n": False}[ended.out]
    assert reported in (was_reported, None)
    said = [ended.err.count(words) for words in NOT_REPORTED]
    assert max(said) == (0 if was_reported else 1), ended.err
    assert training.records() or not was_reported
    for record in training.records():
        recorded, dropped = counted(record)
        assert (record.state, recorded + dropped, record.damage) == (State.SUCCEEDED, 1002, 0)
    return ended.err


def test_d8_the_clock_jumps(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Set forward or back in mid-run, the clock changes no interval and no deadline, and within a
    run no time is before an earlier one."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    shift = tmp_path / "shift"
    _set(shift, 0)
    command = child("by_a_clock.py", *child("told.py")[1:])
    with training.started(command, CLOCK_SHIFT=str(shift)) as process:
        told = Told(process)
        for step, hours in enumerate(CLOCK_OFF_BY):
            before = time.monotonic()
            _set(shift, hours * HOUR)
            told("report_metric", "loss", step, step)
            told("milestone", f"at-{step}")
            group = _shown(training, told.run, step)
            assert time.monotonic() - before < 4  # an interval of 1 s, and a machine that is busy
            lease = group.value("reporter_run_lease_expires_time_seconds") or 0
            assert _hours(lease - time.time() - DAY) == hours  # what the sender's clock shows
        assert told.leave() < 4
    assert training.group().state is State.SUCCEEDED
    _times_stand_still_until_the_clock_caught_up(training.record())


def _times_stand_still_until_the_clock_caught_up(record: RunRecord) -> None:
    assert (record.state, record.points["loss"].steps) == (State.SUCCEEDED, list(range(5)))
    times = [event.time for event in _events(record.folder) if event.kind != events.RECORD]
    points, marks = record.points["loss"].times, [time for time, _ in record.milestones]
    for earlier, later in (*pairwise(times), *pairwise(points)):
        assert earlier <= later
    start, end = record.start_time or 0, record.end_time or 0
    assert start <= points[0] <= points[-1] <= end
    assert _hours(end - start) == 1
    for seen in (points, marks):  # by the sender's clock, and by the trainer's
        assert [_hours(later - earlier) for earlier, later in pairwise(seen)] == [1, 0, 0, 0]


def _hours(seconds: float) -> int:
    """So many hours, to the minute."""
    hours = round(seconds / HOUR)
    assert abs(seconds - hours * HOUR) < 60
    return hours


def _shown(training: Training, run: str, loss: float) -> Group:
    wait_for(lambda: training.group(run).metric("loss") == loss, 5, f"{loss} on the gateway")
    return training.group(run)


def _set(shift: Path, seconds: float) -> None:
    fresh = shift.with_name("fresh")
    fresh.write_text(str(seconds))
    fresh.replace(shift)


def _events(folder: str) -> list[events.Event]:
    with open(RunPaths.of_folder(folder).events, "rb") as file:
        return list(events.EventReader(file))


def test_d10_a_trainer_that_takes_its_time_to_end(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Told to end together with its trainer, a sender waits for it: what the trainer still
    reports, and that it left in good order, arrives."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.started(child("evicted.py")) as process:
        assert process.stdout is not None
        sender = int(process.stdout.readline())
        for pid in (sender, process.pid, sender):
            os.kill(pid, signal.SIGTERM)
        assert process.wait(20) == 0
    record, group = training.record(), training.group()
    assert list(record.points["loss"].values) == [1, 2, 3]
    assert (record.state, group.state, group.metric("loss")) == (2, 2, 3)
    assert training.events(events.SENDER) == []  # it was the same one all along


@pytest.mark.parametrize("first", ["sender", "trainer"])
def test_d10_every_process_is_told_to_end(
    first: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A trainer that SIGTERM ends, as it does every process of an evicted pod, has been
    terminated, whichever hears of it first; everything is delivered."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", 0.37)
        told("flush")
        if first == "trainer":
            # Stopped meanwhile, the sender hears of its death and of SIGTERM at once.
            os.kill(told.sender, signal.SIGSTOP)
            told.process.terminate()
            told.process.wait(20)
        for number in (signal.SIGTERM, signal.SIGCONT):
            os.kill(told.sender, number)
        told.process.terminate()
        assert told.process.wait(20) == -signal.SIGTERM
    record, group = training.ended_record(), training.ended_group()
    assert (record.state, record.reason) == (State.CANCELLED, "terminated")
    assert (group.state, group.reason, group.metric("loss")) == (4, "terminated", 0.37)


@pytest.mark.root
@needs_root
@pytest.mark.parametrize("host", ["", "h" * 64, "no-such-host.invalid"])
def test_d12_a_machine_without_a_name(host: str, tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The machine's name is a fact and nothing more: it may be empty, very long or unknown to
    every name server."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    ended = training.run([*named(host), *child("limited.py")])
    assert (ended.code, ended.out) == (0, "trained True\n")
    trained_and_pushed(training)
    assert training.record().identity["host"] == host
    assert training.group().value("reporter_run_info", host=host) == 1


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("name", [b"\xff", "\u00e9".encode(), b'a\xe9\n "b'])
def test_d13_a_folder_whose_name_is_not_text(
    name: bytes, locale: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Records, files and settings are found below a folder of any name, whatever the locale; its
    project shows with a sign in place of what is no text."""
    training = _below(tmp_path, name, pushgateway)
    plain = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = training.run([sys.executable, training.folder / "train.py"], **plain)
    assert (ended.code, ended.err) == (0, "")
    record, group = training.record(), training.group()
    assert (record.state, list(record.points["loss"].values)) == (State.SUCCEEDED, [0.37])
    assert Path(record.folder, record.artifacts[0]["path"]).read_text() == IN_FOLDER
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, 0.37)


def test_d13_push_finds_what_lies_in_such_a_folder(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """So does `reporter push`."""
    training = _below(tmp_path, b"\xff", pushgateway)
    script = training.folder / "train.py"
    run = training.run([sys.executable, script], LC_ALL="C", REPORTER_MODE="offline")
    assert (run.code, run.err) == (0, "")
    settings = {"LC_ALL": "C", "REPORTER_GATEWAY": pushgateway.url}
    pushed = command("push", "--json", folder=training.folder, **settings)
    (told,) = json.loads(pushed.stdout)["records"]
    assert (pushed.returncode, told["done"]) == (0, "delivered")
    assert training.group().metric("loss") == 0.37


def _below(parent: Path, name: bytes, gateway: Pushgateway) -> Training:
    """Where a script lies in a folder of this name, and records go below it by default."""
    folder = Path(os.fsdecode(os.fsencode(parent) + b"/" + name))
    folder.mkdir()
    (folder / "train.py").write_text(IN_FOLDER)
    training = Training(folder, gateway.url, dir="")
    training.records_folder = folder / "reporter_runs"
    return training
