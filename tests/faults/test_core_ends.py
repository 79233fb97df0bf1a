"""However a training process ends, its run has one end, and an honest one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record import events
from tests.runs import Training, child, gone, senders_of
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

RETURNED, DIED = (State.SUCCEEDED, "returned", ""), (State.FAILED, "died", "")
RAISED = (State.FAILED, "exception", "ValueError")
ENDS = {
    "returned": (RETURNED, 0),
    "exit-0": (RETURNED, 0),
    "exit-none": (RETURNED, 0),
    "finish": (RETURNED, 0),
    "module-end": (RETURNED, 0),
    "exit-3": ((State.FAILED, "exit_code", "3"), 3),
    "exit-text": ((State.FAILED, "exit_code", "1"), 1),
    "fail": ((State.FAILED, "asked", "no data"), 0),
    "exception": (RAISED, 1),
    "module-exception": (RAISED, 1),
    "interrupt": ((State.CANCELLED, "interrupt", "KeyboardInterrupt"), -signal.SIGINT),
    "cancelled": ((State.CANCELLED, "interrupt", "CancelledError"), 1),
    "sigterm-to-all": ((State.CANCELLED, "terminated", "SIGTERM"), -signal.SIGTERM),
    "os._exit": (DIED, 3),
    "segfault": (DIED, -signal.SIGSEGV),
    "abort": (DIED, -signal.SIGABRT),
    "sigterm": (DIED, -signal.SIGTERM),
    "sigkill": (DIED, -signal.SIGKILL),
    "module-sigkill": (DIED, -signal.SIGKILL),
    "worker-left": (DIED, -signal.SIGKILL),
}


@pytest.mark.parametrize("way", ENDS)
def test_the_run_ends_as_its_process_did(
    way: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The end state, reason and detail of contract.md, once in the record and on the gateway."""
    expected, code = ENDS[way]
    training = Training(tmp_path, pushgateway.url)
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


def test_a_worker_that_outlives_the_trainer_keeps_nothing_of_ours_alive(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The sender ends although a forked worker, with every descriptor of its parent, lives on."""
    training = Training(tmp_path, pushgateway.url)
    with training.started(child("ends.py", "worker-left")) as process:
        process.wait(20)
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        training.ended_record()
        wait_for(lambda: not senders_of(training), what="the sender to end")
        assert not gone(worker)
