"""Who a run is when its Reporter is entered, and what its sender is told."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reporter.names import FAMILIES
from reporter.record.hold import hold
from reporter.record.paths import RunPaths
from reporter.reporter import opening as module
from reporter.reporter.opening import Opening
from reporter.settings import Settings, resolve

Opened = Iterator[Any]
SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "4"}


@pytest.fixture
def open_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Open runs of a process that has opened none; what they hold is let go behind the test."""
    monkeypatch.setattr(module, "_opened", 0)
    held: list[Opening] = []

    def make(**settings: Any) -> Opening:
        held.append(Opening(resolve({"dir": str(tmp_path), "project": "p", **settings})))
        return held[-1]

    yield make
    for each in held:
        if each.events is not None:
            os.close(each.events)


def test_a_second_reporter_is_a_second_run(open_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its own and in a launch, where every rank must call it the same."""
    assert open_run().run_id != open_run().run_id
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "_opened", 0)
    first, second = open_run(), open_run()
    assert first.run_id.startswith("slurm-7-0-0-")
    assert second.run_id == first.run_id + "-2"


def test_the_rank_is_the_launchers_unless_it_is_set(
    open_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting of 0 is a setting."""
    assert open_run().rank == 0
    monkeypatch.setenv("SLURM_PROCID", "3")
    assert open_run().rank == 3
    assert open_run(rank=0).rank == 0
    assert open_run(rank=5).brief["run"]["group"]["rank"] == "5"


def test_b12_a_wanted_run_is_held_and_continued(open_run: Any, tmp_path: Path) -> None:
    """A run is held from the moment it is opened: no other process can take it in between."""
    run = open_run(run="mine")
    assert (run.run_id, run.brief["run"]["id"]) == ("mine", "mine")
    assert run.events is not None
    assert (tmp_path / "p" / "mine" / "rank-0" / "events.jsonl").exists()


def test_b12_a_run_that_another_one_holds_is_left_alone(
    open_run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The newcomer gets an id of its own, and one warning says so."""
    holder = hold(RunPaths(str(tmp_path), "p", "theirs", 0))
    try:
        run = open_run(run="theirs")
    finally:
        os.close(holder)
    assert run.run_id != "theirs"
    assert run.events is None
    assert f"run theirs is held by another process; this one is run {run.run_id}" in caplog.text


def test_c16_a_run_whose_holder_is_about_to_leave_is_waited_for(
    open_run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that another process holds is waited for, for 2 s: its holder may be about to leave."""
    holder = hold(RunPaths(str(tmp_path), "p", "theirs", 0))
    leaving = threading.Timer(0.3, os.close, [holder])
    leaving.start()
    run = open_run(run="theirs")
    leaving.join()
    assert (run.run_id, caplog.text) == ("theirs", "")


def test_a_record_that_cannot_be_held_does_not_stop_the_run(open_run: Any, tmp_path: Path) -> None:
    """The sender will say where it is kept instead."""
    (tmp_path / "file").write_text("")
    run = open_run(run="mine", dir=str(tmp_path / "file"))
    assert (run.run_id, run.events) == ("mine", None)


def test_c16_ranks_without_a_common_id_are_warned_of(
    open_run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ranks without a common id show as separate runs; one warning says what to set."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    open_run()
    assert "Set REPORTER_RUN to the same text on every rank" in caplog.text


@pytest.mark.parametrize(
    ("variables", "pod"),
    [({"POD_UID": "b"}, "b"), ({"podUUID": "a", "POD_UID": "b"}, "a"), ({"podUUID": ""}, None)],
)
def test_the_group_is_the_contracts(
    open_run: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], pod: str | None
) -> None:
    """Four labels; without a pod its id is the run's."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    run = open_run()
    assert run.brief["run"]["group"] == {
        "job": "reporter_pod_info",
        "podUUID": pod or run.run_id,
        "run": run.run_id,
        "rank": "0",
    }


def test_the_brief_can_be_sent_and_holds_every_fact(open_run: Any) -> None:
    """Plain data; the facts are the labels of reporter_run_info, in their order."""
    brief = open_run(name="bold-lark").brief
    assert json.loads(json.dumps(brief)) == brief
    assert tuple(brief["facts"]) == FAMILIES["reporter_run_info"][0]
    assert (brief["facts"]["project"], brief["facts"]["run_name"]) == ("p", "bold-lark")
    assert brief["settings"].keys() == Settings.__annotations__.keys()
    assert brief["run"]["pid"] == os.getpid()


def test_a_working_folder_that_is_gone_is_no_obstacle(
    open_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scratch folder may be removed under a job."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert open_run().brief["cwd"] == "/"
