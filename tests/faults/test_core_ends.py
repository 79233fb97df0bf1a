"""However a training process ends, its run has one end, and an honest one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.processes import gone
from tests.runs import Training, child, senders_of
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

End = tuple[State, str, str]
RETURNED, DIED = (State.SUCCEEDED, "returned", ""), (State.FAILED, "died", "")
RAISED = (State.FAILED, "exception", "ValueError")
CRASHES = {"segfault": -signal.SIGSEGV, "abort": -signal.SIGABRT}
EXITS: dict[str, tuple[End, int]] = {
    "exit-0": (RETURNED, 0),
    "exit-none": (RETURNED, 0),
    "exit-3": ((State.FAILED, "exit_code", "3"), 3),
    "exit-text": ((State.FAILED, "exit_code", "1"), 1),
}


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    return Training(tmp_path, pushgateway.url)


def ends_once(training: Training, way: str, expected: End, code: int) -> None:
    """The end state, reason and detail of contract.md, once in the record and on the gateway."""
    with training.started(child("ends.py", way)) as process:
        process.wait(20)  # its standard input stays open: a worker left behind lives on it
        assert process.returncode == code
        record = training.ended_record()
        group = training.ended_group()
    assert (record.state, record.reason, record.detail) == expected
    assert len(training.events(events.END)) == 1
    assert list(record.points["loss"].values) == [0.37]
    assert record.parameters == {"lr": 0.1}
    assert (group.state, group.reason) == expected[:2]
    assert group.value("reporter_run_end_info", detail=expected[2]) == 1
    assert (group.metric("loss"), group.parameters("lr")) == (0.37, ["0.1"])


@pytest.mark.parametrize("way", ["returned", "finish"])
def test_a_run_that_is_left_succeeded(way: str, training: Training) -> None:
    """Leaving the scope, or `finish()`."""
    ends_once(training, way, RETURNED, 0)


def test_a_run_that_is_said_to_have_failed_failed(training: Training) -> None:
    """`fail("why")` says why."""
    ends_once(training, "fail", (State.FAILED, "asked", "no data"), 0)


@pytest.mark.parametrize("way", ["sigkill", "module-sigkill", "worker-left"])
def test_a1_a_killed_run_has_failed(way: str, training: Training) -> None:
    """The sender records and pushes everything reported, and the end: failed, `died`."""
    ends_once(training, way, DIED, -signal.SIGKILL)


@pytest.mark.parametrize("way", CRASHES)
def test_a4_a_crash_is_a_death(way: str, training: Training) -> None:
    """As after SIGKILL: nothing that was reported is lost; failed, `died`."""
    ends_once(training, way, DIED, CRASHES[way])


def test_a5_an_exit_past_the_interpreter_is_a_death(training: Training) -> None:
    """`os._exit` runs no clean-up, so nobody says goodbye: nothing is lost; failed, `died`."""
    ends_once(training, "os._exit", DIED, 3)


@pytest.mark.parametrize("way", ["exception", "module-exception"])
def test_a6_an_exception_ends_the_run_as_failed(way: str, training: Training) -> None:
    """Failed, `exception`, with the exception's type and never its text; it goes on unchanged."""
    ends_once(training, way, RAISED, 1)


def test_a7_an_interrupt_cancels(training: Training) -> None:
    """The run is cancelled, `interrupt`; KeyboardInterrupt goes on unchanged."""
    cancelled = (State.CANCELLED, "interrupt", "KeyboardInterrupt")
    ends_once(training, "interrupt", cancelled, -signal.SIGINT)


def test_c10_a_cancelled_task_cancels(training: Training) -> None:
    """An `asyncio.CancelledError` that leaves the scope ends the run as cancelled."""
    ends_once(training, "cancelled", (State.CANCELLED, "interrupt", "CancelledError"), 1)


@pytest.mark.parametrize("way", EXITS)
def test_a9_an_exit_code_is_the_end(way: str, training: Training) -> None:
    """0 or None: succeeded. Any other code, or a text: failed, `exit_code`, with the code."""
    ends_once(training, way, *EXITS[way])


def test_a10_a_lone_sigterm_is_a_death(training: Training) -> None:
    """Without a handler of yours Python dies at once; nothing is lost; failed, `died`."""
    ends_once(training, "sigterm", DIED, -signal.SIGTERM)


def test_a10_d10_a_sigterm_to_all_cancels(training: Training) -> None:
    """Where every process is told to end, the sender is too, and stays until all is delivered:
    cancelled, `terminated`."""
    terminated = (State.CANCELLED, "terminated", "SIGTERM")
    ends_once(training, "sigterm-to-all", terminated, -signal.SIGTERM)


def test_a13_a_run_that_nobody_leaves_ends_with_the_interpreter(training: Training) -> None:
    """Succeeded, `returned`, if there was no uncaught exception; all is delivered."""
    ends_once(training, "module-end", RETURNED, 0)


@pytest.mark.parametrize("way", ["leaked", "leaked-exception"])
def test_a13_a_scope_that_is_never_left_ends_with_the_interpreter(
    way: str, training: Training
) -> None:
    """A Reporter that was entered and forgotten does the same."""
    expected, code = (RETURNED, 0) if way == "leaked" else (RAISED, 1)
    ends_once(training, way, expected, code)


def test_a1_b11_a_worker_that_outlives_the_trainer_keeps_nothing_of_ours_alive(
    training: Training,
) -> None:
    """The sender ends although a forked worker, with every descriptor of its parent, lives on."""
    with training.started(child("ends.py", "worker-left")) as process:
        process.wait(20)
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        training.ended_record()
        wait_for(lambda: not senders_of(training), what="the sender to end")
        assert not gone(worker)
