"""Corners that review found: each once lost something, hung, or ended what is not ours."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import reporter
from reporter.record.load import load
from reporter.testing import Reported
from tests.runs import Group
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.slow


def test_c18_a_child_forked_after_the_end_keeps_its_descriptors(reported: Reported) -> None:
    """The numbers that a run had are somebody else's once it is over: none of them is closed."""
    with reporter.Reporter() as r:
        r.report_metric("loss", 1)
    pipes = [os.pipe() for _ in range(4)]
    pid = os.fork()
    if not pid:
        try:
            for _, writer in pipes:
                os.write(writer, b"x")
            os._exit(0)
        except OSError:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for reader, writer in pipes:
        os.close(reader)
        os.close(writer)


def test_flush_waits_for_files(reported: Reported, tmp_path: Path) -> None:
    """After a flush a file may be overwritten: its copy is safe."""
    checkpoint = tmp_path / "checkpoint.pt"
    with reporter.Reporter() as r:
        for epoch in range(3):
            checkpoint.write_bytes(bytes([epoch]) * 3_000_000)
            r.artifact(checkpoint, kind="checkpoint", name=f"epoch-{epoch}.pt")
            assert r.flush(10)
    record = reported.run
    kept = [Path(record.folder, artifact["path"]).read_bytes()[0] for artifact in record.artifacts]
    assert kept == [0, 1, 2]


def test_a_file_that_changed_before_its_copy_is_marked(
    reported: Reported, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The record never passes a later content off as the one reported."""
    checkpoint = tmp_path / "checkpoint.pt"
    with reporter.Reporter() as r:
        assert r.flush(10)
        checkpoint.write_bytes(b"early")
        r.artifact(checkpoint)
        checkpoint.write_bytes(b"later, and longer")
    (artifact,) = reported.run.artifacts
    assert "changed" in artifact["problem"]
    assert "changed" in caplog.text


def test_status_has_every_key_at_once_and_tells_what_flush_did(reported: Reported) -> None:
    """No KeyError right after entering, nor in a mode that records nothing."""
    with reporter.Reporter(mode="disabled") as r:
        disabled = set(r.status())
    with reporter.Reporter() as r:
        assert set(r.status()) == disabled
        for n in range(1000):
            r.report_metric("loss", n)
        assert r.flush(10)
        assert r.status()["recorded"] == 1000
        assert r.status()["record"] is not None


def test_newest_values_without_points_are_recorded_by_a_flush(reported: Reported) -> None:
    """Not only at the end: a machine may die."""
    with reporter.Reporter(points=False) as r:
        r.report_metric("loss", 0.5)
        assert r.flush(10)
        assert load(str(r.status()["record"])).newest == {"loss": (0.5, None)}


def test_c10_leaving_is_bounded_when_every_thread_of_the_loop_is_busy(reported: Reported) -> None:
    """`async with` waits in a thread of its own: it neither blocks the loop nor waits for it."""

    async def train() -> float:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, time.sleep, 3)
        began = time.monotonic()
        async with reporter.Reporter() as r:
            r.report_metric("loss", 1)
        took = time.monotonic() - began
        await busy
        return took

    assert asyncio.run(train()) < 2.5


def test_a16_a_report_while_the_interpreter_ends_makes_no_run(tmp_path: Path) -> None:
    """A report that comes after the run's end is dropped, and invents no second run."""
    script = (
        "import atexit, reporter\n"
        "atexit.register(lambda: reporter.report_metric('final', 1))\n"
        "reporter.report_metric('loss', 1)\n"
    )
    environment = {**os.environ, "REPORTER_MODE": "offline", "REPORTER_DIR": str(tmp_path / "runs")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    records = Reported(str(tmp_path / "runs")).runs
    assert done.returncode == 0, done.stderr
    assert [record.state for record in records] == [reporter.State.SUCCEEDED]


def test_a8_ctrl_c_while_leaving_leaves_an_honest_end(reported: Reported, tmp_path: Path) -> None:
    """Training leaves at once with the first exception, and the run is cancelled, not dead."""
    script = (
        "import os, signal, socket, threading, reporter\n"
        "silent = socket.create_server(('127.0.0.1', 0))\n"
        "url = 'http://127.0.0.1:%d' % silent.getsockname()[1]\n"
        "with reporter.Reporter(mode='online', gateway=url, exit_timeout=20) as r:\n"
        "    r.report_metric('loss', 1)\n"
        "    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(5)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert time.monotonic() - began < 8
    assert done.returncode in (-signal.SIGINT, 130)
    assert "During handling" not in done.stderr
    wait_for(lambda: reported.runs and reported.run.end_time, 10, "an end in the record")
    assert (reported.state, reported.run.reason) == (reporter.State.CANCELLED, "interrupt")


def test_a14_a_system_without_fork_gets_an_inert_reporter() -> None:
    """On a system that cannot report (Windows), one notice is said, and training goes on."""
    script = (
        "import os, sys\n"
        "sys.modules['fcntl'] = None\n"
        "for name in ('fork', 'register_at_fork', 'memfd_create', 'pidfd_open', 'uname'):\n"
        "    delattr(os, name)\n"
        "import reporter\n"
        "with reporter.Reporter(parameters={'lr': 0.1}) as r:\n"
        "    for n in range(3):\n"
        "        r.report_metric('loss', n)\n"
        "print(r.status()['live'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
    assert done.stderr.count("not reported on") == 1


@pytest.mark.service
def test_series_over_the_limit_show_in_the_very_first_push(
    pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """The count of what does not get through is of the push that it stands in."""
    with reporter.Reporter(
        dir=str(tmp_path), gateway=pushgateway.url, mode="online", series_limit=5
    ) as r:
        r.report_metrics({f"m{n}": n for n in range(21)})
    group = Group(pushgateway.metrics(), r.run_id)
    assert group.value("reporter_dropped_total", reason="series_limit") == 16
