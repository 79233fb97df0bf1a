"""Forks at odd moments, threads, interpreters, ranks, numbers that are used again: all at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

import reporter
from reporter.names import State
from reporter.record import events
from reporter.testing import Reported
from tests.interpreters import OTHERS, environment, interpreter
from tests.machine import in_own_processes, needs_root, watched
from tests.runs import Ended, Told, Training, child, counted, senders_of
from tests.services.programs import Pushgateway, free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.slow  # most of them start processes, or wait for a deadline

RANKS = 8
MODULE_LEVEL = """
import threading, reporter
def train(k):
    start.wait()
    for n in range(100):
        reporter.report_metric(f"loss-{k}", n)
start = threading.Barrier(32)
threads = [threading.Thread(target=train, args=(k,)) for k in range(32)]
for each in threads: each.start()
for each in threads: each.join()
"""
TORCH = """
import os
with open(os.environ["LOADED"], "a") as file:
    file.write(f"{os.getpid()}\\n")
"""
WITH_TORCH = """
import os, torch, reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    r.flush()
    print(os.getpid(), r.status()["sender"])
"""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


def test_c5_forks_within_a_report_write_nothing(training: Training) -> None:
    """A fork in the middle of a report, by a signal handler or by the value itself, tears
    nothing, and its child changes nothing."""
    ended = training.run(child("forks_within.py", 100))
    newest, forks, failed = map(int, ended.out.split())
    assert (ended.code, ended.err, failed) == (0, "", 0)
    assert forks >= 100
    record = training.record()
    assert list(record.points["loss"].values) == list(range(newest + 1))
    assert list(record.points["evaluated"].values) == list(range(5))
    assert ("of-the-child" in record.newest, "lr" in record.parameters) == (False, False)
    assert record.parameters["n"] == newest
    assert (counted(record)[1], record.state, record.damage) == (0, State.SUCCEEDED, 0)
    assert len(training.events(events.END)) == 1


def test_c9_threads_without_a_reporter_share_one_run(training: Training) -> None:
    """Threads that report by the module-level functions all report to one run."""
    ended = training.run([sys.executable, "-c", MODULE_LEVEL])
    assert (ended.code, ended.err) == (0, "")
    record = training.record()
    assert {name: list(points.values) for name, points in record.points.items()} == {
        f"loss-{k}": list(range(100)) for k in range(32)
    }


@pytest.mark.parametrize("kind", ["", "shared"])
def test_c11_sub_interpreters_of_this_python(kind: str, training: Training) -> None:
    """In a sub-interpreter a run is reported where processes may be started, from Python 3.12 on;
    before, one notice says that they may not. Training goes on either way."""
    ended = training.run(child("subinterpreters.py", *kind.split()))
    trained_in_a_sub_interpreter(training, ended, sys.version_info >= (3, 12) or kind == "shared")


@pytest.mark.parametrize("version", OTHERS)
def test_c11_sub_interpreters_of_other_pythons(version: str, training: Training) -> None:
    """The same under the other interpreters that are at hand, of CPython 3.11 to 3.14."""
    command = [interpreter(version), *child("subinterpreters.py")[1:]]
    ended = training.run(command, **environment())
    trained_in_a_sub_interpreter(training, ended, version != "3.11")


def trained_in_a_sub_interpreter(training: Training, ended: Ended, reported: bool) -> None:
    assert (ended.code, ended.out) == (0, "trained\nNone\n"), ended.err
    assert [list(record.points["loss"].values) for record in training.records()] == (
        [list(range(10))] if reported else []
    )
    assert ended.err.count("the sender could not be started") == (not reported)
    assert "Traceback" not in ended.err


def test_c15_the_training_process_is_not_copied(training: Training) -> None:
    """The sender is started by vfork and exec: what the trainer has set up, a GPU among it, is
    never copied into another process."""
    calls = training.folder / "calls"
    tracing = watched("?fork,?vfork,clone,?clone3", calls)
    code = "import reporter\nwith reporter.Reporter() as r: r.flush()"
    assert training.run([*tracing, sys.executable, "-c", code]).code == 0
    (call,) = calls.read_text().splitlines()
    assert "vfork(" in call or "CLONE_VFORK" in call


def test_c15_the_sender_never_loads_a_framework(training: Training) -> None:
    """The sender loads none of the trainer's frameworks."""
    (training.folder / "torch.py").write_text(TORCH)
    loaded = training.folder / "loaded"
    there = {"PYTHONPATH": str(training.folder), "LOADED": str(loaded)}
    ended = training.run([sys.executable, "-c", WITH_TORCH], **there)
    trainer, sender = ended.out.split()
    assert loaded.read_text().split() == [trainer]
    assert sender != trainer


def launched(training: Training) -> Iterator[AbstractContextManager[Told]]:
    """The ranks of one launch."""
    launch = {"WORLD_SIZE": str(RANKS), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    launch |= {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "0"}
    return (training.told(RANK=str(rank), **launch) for rank in range(RANKS))


@pytest.mark.service
def test_c16_ranks_share_a_run_and_keep_their_groups(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The ranks of a launch are one run without talking to each other: each has its own record,
    sender, group and end."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with ExitStack() as stack:
        ranks = [stack.enter_context(each) for each in launched(training)]
        assert len({told.run for told in ranks}) == 1
        assert len({told.sender for told in ranks}) == RANKS
        for rank, told in enumerate(ranks):
            told("report_metric", "loss", rank, 1)
        os.kill(ranks[3].pid, signal.SIGKILL)
        ranks[3].process.wait()
        for told in (*ranks[:3], *ranks[4:]):
            told.leave()
        wait_for(lambda: not senders_of(training), 20, "the senders to end")
    groups = [training.group(ranks[0].run, rank) for rank in range(RANKS)]
    assert [group.metric("loss") for group in groups] == list(range(RANKS))
    expected = [State.SUCCEEDED] * RANKS
    expected[3] = State.FAILED
    assert [group.state for group in groups] == expected
    records = [training.record(ranks[0].run, rank) for rank in range(RANKS)]
    assert [list(record.points["loss"].values) for record in records] == [[k] for k in range(RANKS)]


@pytest.mark.root
@needs_root
def test_c17_d9_a_trainers_number_that_is_used_again(training: Training) -> None:
    """A sender knows its trainer by more than its number: the run of a dead one ends although
    another process has its number already, and that one is left alone.

    In a namespace whose PID 1 is not the trainer, and reaps nobody.
    """
    ended = training.run([*in_own_processes(), *child("pid_again.py")])
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "sender ended: True, the other lives: True\n"
    record = training.record()
    assert (record.state, record.reason) == (State.FAILED, "died")
    assert list(record.points["loss"].values) == [0.37]


@pytest.mark.parametrize("way", ["run", "daemon", "sender-killed"])
def test_c18_descriptors_that_the_program_closed(way: str, training: Training) -> None:
    """A program may close every descriptor and open files under the same numbers: none of them is
    ever written to or closed, and the run goes on.

    Also in a forked child that becomes a daemon, and when the sender is killed, which then has no
    successor.
    """
    ended = training.run(child("descriptors.py", way))
    assert (ended.code, ended.out) == (0, "untouched\n"), ended.err
    if way == "run":
        record = training.record()
        assert list(record.points["loss"].values) == list(range(1000))
        assert (record.state, record.parameters) == (State.SUCCEEDED, {"lr": 999})
    assert ("its sender died" in ended.err) == (way == "sender-killed")
    assert "Traceback" not in ended.err


def test_c19_reporters_in_functions_that_call_each_other(reported: Reported) -> None:
    """Each call's run is its own: what is reported on the way goes to the innermost one."""

    def train(depth: int) -> None:
        with reporter.Reporter(name=f"depth-{depth}"):
            reporter.report_metric("before", depth)
            if depth < 3:
                train(depth + 1)
            reporter.report_metric("after", depth)

    train(0)
    found = {run.identity["name"]: run for run in reported.runs}
    assert sorted(found) == [f"depth-{depth}" for depth in range(4)]
    for depth in range(4):
        values = {name: list(p.values) for name, p in found[f"depth-{depth}"].points.items()}
        assert values == {"before": [depth], "after": [depth]}


def test_c1_a_worker_pool_of_a_data_loader(training: Training) -> None:
    """Workers that a run forks, again and again, leave no trace and no process behind."""
    code = (
        "import multiprocessing, reporter\n"
        "context = multiprocessing.get_context('fork')\n"
        "def work(n):\n"
        "    r.report_metric('of-the-worker', n)\n"
        "    return n\n"
        "with reporter.Reporter() as r:\n"
        "    for epoch in range(5):\n"
        "        with context.Pool(2) as pool:\n"
        "            assert pool.map(work, range(4)) == list(range(4))\n"
        "        r.report_metric('epoch', epoch)\n"
    )
    ended = training.run([sys.executable, "-c", code])
    assert (ended.code, ended.err) == (0, "")
    record = training.record()
    assert {name: list(p.values) for name, p in record.points.items()} == {"epoch": [0, 1, 2, 3, 4]}
    assert (record.state, senders_of(training)) == (State.SUCCEEDED, [])
