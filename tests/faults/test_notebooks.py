"""Where code comes a piece at a time: terminals, notebooks, event loops."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.misbehaving import Misbehaving
from tests.runs import Told, Training, child
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.slow  # most of them start processes, or wait for a deadline

CELLS = """\
import reporter
with reporter.Reporter(name="first") as r:
    r.report_metric("loss", 0.5)

1 / 0
reporter.report_metric("loss", 0.25)
"""
TERMINALS = {
    "python -i": ["-i"],
    "python -i -": ["-i", "-"],
    "code.interact": ["-c", "import code; code.interact(exitmsg='')"],
}
KERNEL = """
import multiprocessing, sys, types
multiprocessing.set_start_method(sys.argv[1])
main = types.ModuleType("__main__")
sys.modules["__main__"] = main
for n, cell in enumerate(sys.stdin.read().split("# cell\\n")):
    try:
        exec(compile(cell, f"<cell {n}>", "exec"), main.__dict__)
    except BaseException as error:
        print(type(error).__name__)
"""
INTERRUPTED = """\
import os, signal, reporter
# cell
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    r.report_metric("loss", 0.5)
    os.kill(os.getpid(), signal.SIGINT)
# cell
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    r.report_metric("loss", 0.25)
"""
ENTERED_AGAIN = """\
import reporter
# cell
r = reporter.Reporter(name="first").__enter__()
r.report_metric("loss", 1)
# cell
r = reporter.Reporter(name="second").__enter__()
r.report_metric("loss", 2)
# cell
reporter.report_metric("loss", 3)
# cell
r.__enter__()
"""
LAG = """
import asyncio, time, reporter

async def tick(gaps):
    last = time.monotonic()
    while True:
        await asyncio.sleep(0.005)
        now = time.monotonic()
        gaps.append(now - last)
        last = now

async def main():
    gaps = []
    ticking = asyncio.create_task(tick(gaps))
    async with reporter.Reporter() as r:
        r.report_metric("loss", 0.37)
        await asyncio.to_thread(r.flush, 0.5)
    await asyncio.sleep(0.05)  # for the tick that would tell of a loop that stood still
    print(len(gaps), max(gaps))

asyncio.run(main())
"""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


@pytest.mark.parametrize("terminal", TERMINALS)
def test_c7_c14_a_terminal(terminal: str, training: Training) -> None:
    """At an interactive prompt every scope is a run; an error that was typed long ago does not
    make the last one fail."""
    ended = training.run([sys.executable, *TERMINALS[terminal]], CELLS)
    assert ended.code == 0
    assert "reporter:" not in ended.err
    records = sorted(training.records(), key=lambda record: record.start_time or 0)
    assert [record.state for record in records] == [State.SUCCEEDED] * 2
    assert [list(record.points["loss"].values) for record in records] == [[0.5], [0.25]]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_c7_c14_a_cell_that_is_run_again(method: str, training: Training) -> None:
    """A cell that was interrupted is a cancelled run; run again it is a run of its own.

    In a kernel whose main module has no file, under each start method of multiprocessing.
    """
    ended = training.run([sys.executable, "-c", KERNEL, method], INTERRUPTED)
    assert (ended.code, ended.out, ended.err) == (0, "KeyboardInterrupt\n", "")
    first, second = sorted(training.records(), key=lambda record: record.start_time or 0)
    assert (first.state, first.reason) == (State.CANCELLED, "interrupt")
    assert (second.state, list(second.points["loss"].values)) == (State.SUCCEEDED, [0.25])
    assert first.parameters == second.parameters == {"lr": 0.1}


def test_c14_a_scope_that_is_entered_again_and_never_left(training: Training) -> None:
    """Entering anew never ends the run before: the newest one gets the reports, and each has its
    end when the kernel ends. One Reporter can be entered once."""
    ended = training.run([sys.executable, "-c", KERNEL, "spawn"], ENTERED_AGAIN)
    assert (ended.code, ended.out, ended.err) == (0, "RuntimeError\n", "")
    found = {record.identity["name"]: record for record in training.records()}
    values = {name: list(record.points["loss"].values) for name, record in found.items()}
    assert values == {"first": [1], "second": [2, 3]}
    assert {record.state for record in found.values()} == {State.SUCCEEDED}


@pytest.mark.service
def test_c13_a_kernel_that_is_restarted(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A restart kills the kernel with its whole process group; the sender is in a session of its
    own, and says that the run died."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.started(["setsid", *child("told.py")]) as kernel:
        told = Told(kernel)
        told("report_metric", "loss", 0.37)
        assert os.getpgid(kernel.pid) == kernel.pid != os.getpgid(told.sender)
        os.killpg(kernel.pid, signal.SIGKILL)
        kernel.wait()
    record, shown = training.ended_record(), training.ended_group()
    assert (record.state, record.reason) == (shown.state, shown.reason) == (State.FAILED, "died")
    assert (list(record.points["loss"].values), shown.metric("loss")) == ([0.37], 0.37)


def test_c10_leaving_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """While `async with` waits for a gateway that never answers, the event loop goes on."""
    with Misbehaving() as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=3, interval=1)
        ended = training.run([sys.executable, "-c", LAG])
    ticks, longest = ended.out.split()
    sys.stdout.write(f"measured: longest pause of the loop: {float(longest):.3f} s\n")
    assert int(ticks) > 20  # 5 ms each, for three seconds and a half
    assert float(longest) < 1.5  # of three that a blocked loop would stand still
