"""Copies of a Reporter in other processes are inert; who wants to report there opens another."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import reporter
from reporter.names import State
from reporter.record import events
from reporter.testing import Reported
from tests.processes import children_of
from tests.runs import Training, child, counted
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service


@pytest.mark.parametrize("way", ["falls-through", "exception", "os._exit", "own", "module"])
def test_c1_c2_a_forked_child_changes_nothing_of_its_parents_run(
    way: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Whatever a forked child reports, and however it leaves, nothing of it shows: record, group
    and end are its parent's."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run(child("forks.py", way))
    assert ended.code == 1
    assert "RuntimeError: of the parent" in ended.err
    run = ended.out.strip()
    record, group = training.record(run), training.group(run)
    assert list(record.points["loss"].values) == record.points["loss"].steps == list(range(20))
    assert (list(record.points), counted(record)) == (["loss"], (20, 0))
    assert (record.parameters, record.tags) == ({"lr": 0.1}, {})
    assert (record.stages, record.milestones, record.notes) == ([], [], [])
    assert (record.state, record.detail) == (State.FAILED, "RuntimeError")
    assert (group.state, group.metric("loss")) == (State.FAILED, 19)
    assert (group.metric("of-the-child"), group.parameters("lr")) == (None, ["0.1"])
    assert group.value("reporter_run_progress_ratio") is None
    assert group.value("reporter_reports_total") == 20


@pytest.mark.parametrize("way", ["own", "module"])
def test_c3_a_forked_child_may_be_a_run_of_its_own(
    way: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A child that wants to report opens its own Reporter, and is a run of its own.

    Or by the module-level functions, once it let go of its parent's.
    """
    training = Training(tmp_path, pushgateway.url)
    parent = training.run(child("forks.py", way)).out.strip()
    (run,) = (run for run in training.runs() if run != parent)
    own, group = training.record(run), training.group(run)
    assert (own.state, list(own.points["loss"].values)) == (State.SUCCEEDED, [-1])
    assert own.parameters == ({"depth": 2} if way == "own" else {})
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, -1)


@pytest.mark.slow
def test_c4_c5_forks_amid_reports_never_hang(tmp_path: Path) -> None:
    """A child inherits no lock that another thread held: each of 200 forks amid reports exits
    within 5 s, and changes nothing."""
    training = Training(tmp_path, mode="offline")
    ended = training.run(child("busy_forks.py"))
    assert (ended.code, ended.out, ended.err) == (0, "200 of 200\n", "")
    record = training.record()
    assert "of-the-child" not in record.newest
    assert record.state is State.SUCCEEDED
    for k in range(2):
        values = list(record.points[f"loss-{k}"].values)
        assert values == sorted(set(values))
        assert values[0] == 0
    assert len(training.events(events.END)) == 1


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("way", ["scope", "module", "exception"])
def test_c8_a_daemonic_worker_reports(way: str, start: str, tmp_path: Path) -> None:
    """Daemonic processes may have no children of multiprocessing's; a sender is none of them, and
    they report like any other."""
    training = Training(tmp_path, mode="offline")
    ended = training.run(child("workers.py", start, way))
    assert ended.code == 0
    record = training.record()
    expected = State.FAILED if way == "exception" else State.SUCCEEDED
    assert (record.state, list(record.points["loss"].values)) == (expected, [0.37])


def test_c6_copies_in_the_same_process_are_the_same_reporter(reported: Reported) -> None:
    """A deep copy of a model that holds a Reporter neither duplicates nor ends the run."""
    with reporter.Reporter() as r:
        copy.deepcopy({"r": r})["r"].report_metric("loss", 1)
        copy.copy(r).report_metric("loss", 2)
        assert copy.deepcopy(r) is r
    assert reported.metrics == {"loss": [1, 2]}
    assert len(reported.runs) == 1


def test_c6_a_pickled_reporter_is_inert_and_holds_no_setting(reported: Reported) -> None:
    """A Reporter in a pickle holds no setting, and what is unpickled reports, ends and starts
    nothing."""
    with reporter.Reporter(gateway="secret-host:9091", parameters={"lr": 0.1}) as r:
        packed = pickle.dumps(r)
        inert = pickle.loads(packed)
        inert.report_metric("loss", 1)
        inert.metric("loss")(1)
        inert.report_parameter("lr", 9)
        with inert.stage("train"):
            inert.fail("no")
        assert inert.run_id == ""
        assert b"secret-host" not in packed
    assert reported.run.points == {}
    assert reported.parameters == {"lr": 0.1}
    assert (reported.stages, reported.state) == ([], State.SUCCEEDED)


def test_a_disabled_reporter_starts_no_process(tmp_path: Path) -> None:
    """In mode disabled every call is a no-op: no sender, no record."""
    training = Training(tmp_path, mode="disabled")
    with training.told() as told:
        told("report_metric", "loss", 0.37)
        assert children_of(told.pid) == []
        told.leave()
    assert training.records() == []
