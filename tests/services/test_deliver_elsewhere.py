"""`reporter push` and a run that two folders tell of, because one was out of reach for a while."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record.load import RunRecord, find_records, load
from tests.processes import gone
from tests.runs import Told, Training
from tests.services.command import reporter
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

RUN = "kept-in-two-places"
ELSEWHERE = "kept elsewhere"


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    records, state = tmp_path / "reporter_runs", tmp_path / "state"
    records.mkdir()
    given = {"dir": records, "run": RUN, "interval": 1}
    training = Training(tmp_path, pushgateway.url, **given)
    training.settings["XDG_STATE_HOME"] = str(state)
    training.records_folder = records
    return training


@contextmanager
def _out_of_reach(folder: Path) -> Iterator[None]:
    """As a mount that is away for a while."""
    away = folder.with_name("away")
    folder.rename(away)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


def _lose_sender(told: Told) -> None:
    os.kill(told.sender, signal.SIGKILL)
    wait_for(lambda: gone(told.sender), what="the sender to end")


def _records(training: Training) -> tuple[list[RunRecord], list[RunRecord]]:
    """Those where they were wanted, and those elsewhere."""
    places = training.records_folder, training.folder / "state" / "reporter_runs"
    wanted, elsewhere = ([load(each) for each in find_records(str(place))] for place in places)
    return wanted, elsewhere


def _push(training: Training, *arguments: str | Path) -> dict[str, str]:
    """What it did with the record in each folder."""
    environment = {"REPORTER_GATEWAY": training.gateway or ""}
    environment["XDG_STATE_HOME"] = training.settings["XDG_STATE_HOME"]
    ran = reporter("push", "--json", *arguments, folder=training.folder, **environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {one["folder"]: one["done"] for one in json.loads(ran.stdout)["records"]}


@pytest.mark.parametrize("arguments", [(), ("reporter_runs",), ("reporter_runs", "--again")])
def test_a_run_that_went_on_elsewhere_is_not_taken_for_dead(
    arguments: tuple[str, ...], training: Training
) -> None:
    """Its sender was killed, and the next one could not get at the record: the end is in another
    folder, and the gateway goes on to show it."""
    with training.told() as told:
        told("report_metric", "loss", 1)
        assert told("flush")
        _lose_sender(told)
        with _out_of_reach(training.records_folder):
            told("report_metric", "loss", 2)
            told.leave()
    (first,), (second,) = _records(training)
    assert (first.end_time, second.reason, second.delivered) == (None, "returned", True)
    done = _push(training, *arguments)
    group = training.group(RUN)
    assert (group.state, group.reason, group.metric("loss")) == (State.SUCCEEDED, "returned", 2)
    assert done[first.folder] == ELSEWHERE


def test_a_run_that_came_back_to_its_folder_is_not_taken_for_dead(training: Training) -> None:
    """It began elsewhere, and what the folder that was wanted says is newer."""
    with ExitStack() as stack:
        with _out_of_reach(training.records_folder):
            told = stack.enter_context(training.told())
            told("report_metric", "loss", 1)
            assert told("flush")
        _lose_sender(told)
        told("report_metric", "loss", 2)
        told.leave()
    (second,), (first,) = _records(training)
    assert (first.end_time, second.reason, second.delivered) == (None, "returned", True)
    done = _push(training)
    assert training.group(RUN).state is State.SUCCEEDED
    assert done == {first.folder: ELSEWHERE, second.folder: "already delivered"}


def test_a_run_that_was_continued_elsewhere_keeps_its_newest_end(training: Training) -> None:
    """The attempt before died with its sender; what came after its death stays."""
    with training.told() as told:
        told("report_metric", "loss", 3)
        assert told("flush")
        _lose_sender(told)
        told.process.kill()
    with _out_of_reach(training.records_folder), training.told() as told:
        told("report_metric", "loss", 1)
        told.leave()
    (first,), (second,) = _records(training)
    assert (first.end_time, second.reason, second.delivered) == (None, "returned", True)
    done, group = _push(training), training.group(RUN)
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, 1)
    assert done == {first.folder: ELSEWHERE, second.folder: "already delivered"}
