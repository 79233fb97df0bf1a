"""Copies of a Reporter, workers that report, and calls in any order."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import reporter
from reporter.names import State
from reporter.record.events import END, EventReader
from reporter.record.load import find_records, load
from reporter.record.paths import RunPaths
from reporter.reporter.scope import open_reporters
from tests.runs import Training, child, counted

pytestmark = pytest.mark.slow

STARTS = ("fork", "spawn", "forkserver")


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


@pytest.mark.parametrize("start", STARTS)
def test_c1_c2_c6_a_data_set_that_holds_the_reporter(start: str, training: Training) -> None:
    """A data set, a model or a callback with a Reporter in it may be copied, pickled and sent to
    workers, under each start method; what reports there reaches nobody."""
    ended = training.run(child("loaders.py", start))
    assert (ended.code, ended.err) == (0, "")
    record = training.record()
    assert {name: list(points.values) for name, points in record.points.items()} == {"loss": [0.37]}
    assert (record.parameters, record.stages, record.state) == ({"lr": 0.1}, [], State.SUCCEEDED)
    packed = (training.folder / "dataset.pickle").read_bytes()
    assert str(training.folder).encode() not in packed


def test_c6_a_pickle_of_another_day(training: Training) -> None:
    """A model that was saved with its Reporter loads where there is no run, no folder and no
    setting, and starts nothing."""
    with training.told() as told:
        told.leave()
    code = (
        "import os, pickle, sys, time\n"
        "packed = sys.stdin.buffer.read()\n"
        "r = pickle.loads(packed)\n"
        "r.report_metric('loss', 1); r.milestone('now'); r.progress(1, 2); r.note(a=1)\n"
        "with r, r.stage('train'): r.metric('loss')(1, 1)\n"
        "async def train():\n"
        "    async with pickle.loads(packed): pass\n"
        "import asyncio; asyncio.run(train())\n"
        "r.fail(); r.finish(); assert r.flush(); assert not r.status()['live']\n"
        "until = time.monotonic() + 5  # the thread that was awaited is about to end\n"
        "while len(os.listdir('/proc/self/task')) > 1 and time.monotonic() < until: pass\n"
        "print(os.listdir('.'), len(os.listdir('/proc/self/task')))\n"
    )
    with reporter.Reporter(mode="offline", dir=str(training.folder / "mine")) as r:
        packed = pickle.dumps(r, protocol=0)
    empty = training.folder / "empty"
    empty.mkdir()
    command = ["env", "-C", str(empty), sys.executable, "-c", code]
    ended = training.run(command, packed.decode("ascii"), REPORTER_DIR="")
    assert (ended.code, ended.out, ended.err) == (0, "[] 1\n", "")


@pytest.mark.parametrize("end", ["closed", "terminated"])
@pytest.mark.parametrize("start", STARTS)
def test_c8_workers_of_a_pool(start: str, end: str, training: Training) -> None:
    """A worker of a pool is a run until the pool closes; one that is terminated before has died,
    and everything that it reported is there either way."""
    ended = training.run(child("pools.py", start, end))
    assert (ended.code, ended.err) == (0, "")
    record = training.ended_record()
    expected = State.SUCCEEDED if end == "closed" else State.FAILED
    assert (record.state, list(record.points["loss"].values)) == (expected, [0, 1, 2])


class AnyOrder(RuleBasedStateMachine):
    """Every public call, in any order, on Reporters that are new, open, ended or left."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.reporters: list[reporter.Reporter] = []
        self.runs: dict[str, State] = {}  # how each run was ended first
        self.accepted: dict[str, int] = {}

    @initialize()
    def enter_the_first(self) -> None:
        self.enter_another()

    @precondition(lambda self: len(self.reporters) < 3)
    @rule()
    def enter_another(self) -> None:
        r = reporter.Reporter(mode="offline", dir=self.folder.name)
        r.report_metric("early", 1)
        r.finish()
        r.__enter__()
        self.reporters.append(r)
        self.accepted[r.run_id] = 0

    @rule(data=st.data(), by=st.sampled_from(["name", "handle", "several"]))
    def report(self, data: st.DataObject, by: str) -> None:
        r = self._any(data)
        if by == "name":
            r.report_metric("loss", 1)
        elif by == "handle":
            r.metric("loss")(1, 2)
        else:
            r.report_metrics({"loss": 1})
        self.accepted[r.run_id] += r.run_id not in self.runs

    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        r = self._any(data)
        with r.stage("train"):
            r.report_parameter("lr", 1)
            r.tag("a")
            r.milestone("m")
            r.note(a=1)
            r.progress(1, 2)
        with r.attach("notes.txt") as file:
            file.write("x")
        assert r.status()["run"] == r.run_id

    @rule(data=st.data())
    def enter_again(self, data: st.DataObject) -> None:
        with pytest.raises(RuntimeError, match="entered once"):
            self._any(data).__enter__()

    @rule(data=st.data())
    def report_to_the_innermost(self, data: st.DataObject) -> None:
        live = [r for r in self.reporters if r.run_id not in self.runs]
        if live:
            reporter.report_metric("loss", 1)
            self.accepted[live[-1].run_id] += 1

    @rule(data=st.data(), way=st.sampled_from(["finish", "fail", "left", "raised", "interrupted"]))
    def end(self, data: st.DataObject, way: str) -> None:
        r = self._any(data)
        errors = {"raised": ValueError(), "interrupted": KeyboardInterrupt()}
        if way in ("finish", "fail"):
            getattr(r, way)()
        else:
            r.__exit__(None, errors.get(way), None)
        ends = {"fail": State.FAILED, "raised": State.FAILED, "interrupted": State.CANCELLED}
        self.runs.setdefault(r.run_id, ends.get(way, State.SUCCEEDED))

    def teardown(self) -> None:
        for r in self.reporters:
            r.finish()
            self.runs.setdefault(r.run_id, State.SUCCEEDED)
        found = {record.identity["id"]: record for record in map(load, self._folders())}
        assert {run: record.state for run, record in found.items()} == self.runs
        assert {run: counted(record)[0] for run, record in found.items()} == self.accepted
        for folder in self._folders():
            with open(RunPaths.of_folder(folder).events, "rb") as file:
                assert [event.kind for event in EventReader(file)].count(END) == 1
        self.folder.cleanup()

    def _any(self, data: st.DataObject) -> reporter.Reporter:
        return data.draw(st.sampled_from(self.reporters))

    def _folders(self) -> list[str]:
        return find_records(self.folder.name)


def test_c19_c20_calls_in_any_order() -> None:
    """Whatever the order of calls, on Reporters that nest, have ended or were left out of order:
    nothing raises, the first end of each run is its only one, and no report before it is lost."""
    # Not shrunk: a run takes a third of a second.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    few = settings(max_examples=8, stateful_step_count=14, deadline=None, phases=phases)
    run_state_machine_as_test(AnyOrder, settings=few)
    assert not open_reporters
