"""Whatever the gateway does, training goes on, leaving is bounded, and nothing outlives the run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporter.names import State
from tests.misbehaving import Misbehaving
from tests.runs import Training, child, children_of, cpu_seconds, gone, open_files, senders_of
from tests.services.programs import StartPushgateway, free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

EXIT_TIMEOUT, LINGER, SLACK = 1, 10, 0.5
FAULTS = ("closed", "silent", "drip", "endless", "garbage", "reset", "500", "403", "redirect")
SCRIPTED = {
    "500": (500, {}, b"broken"),
    "403": (403, {}, b"no"),
    "redirect": (302, {"Location": "http://127.0.0.1:9/"}),
}


@contextmanager
def faulty(fault: str) -> Iterator[str]:
    """The URL of a gateway with this fault."""
    if fault == "closed":
        yield f"http://127.0.0.1:{free_port()}"
        return
    mode = "status" if fault in SCRIPTED else fault
    answers = [SCRIPTED[fault]] if fault in SCRIPTED else []
    with Misbehaving(mode, answers) as gateway:
        yield gateway.url


@pytest.mark.parametrize("fault", FAULTS)
def test_leaving_takes_at_most_the_exit_timeout(fault: str, tmp_path: Path) -> None:
    """What was not delivered is said once; the record has it all."""
    with faulty(fault) as url:
        training = Training(tmp_path, url, exit_timeout=EXIT_TIMEOUT)
        with training.told() as told:
            told("report_metric", "loss", 0.37)
            seconds = told.leave()
            told.process.wait(5)
            assert told.process.stderr is not None
            said = told.process.stderr.read()
        record = training.record()
    assert seconds < EXIT_TIMEOUT + SLACK
    assert said.count(f"run {told.run} has not reached {url} within 1 s") == 1
    assert len(said.splitlines()) == 1
    assert told.process.returncode == 0
    assert (record.state, record.delivered) == (State.SUCCEEDED, False)
    assert list(record.points["loss"].values) == [0.37]
    sys.stdout.write(f"measured: leaving with {fault}: {seconds:.3f} s\n")


@pytest.mark.parametrize(("fault", "said"), [("500", "500"), ("closed", "refused"), ("403", "403")])
def test_the_notice_says_what_the_gateway_said(fault: str, said: str, tmp_path: Path) -> None:
    """Where the gateway has answered, its answer is why the end is not delivered."""
    with faulty(fault) as url:
        training = Training(tmp_path, url, exit_timeout=3)
        ended = training.run(child("ends.py", "returned"))
    assert said in ended.err.replace(url, "").replace(training.runs()[0], "").lower()


def test_a_sender_that_waits_costs_next_to_nothing(tmp_path: Path) -> None:
    """While it tries for its last seconds, beside whatever runs next, it does not spin."""
    with faulty("silent") as url:
        training = Training(tmp_path, url, exit_timeout=EXIT_TIMEOUT)
        with training.told() as told:
            told("report_metric", "loss", 0.37)
            told.leave()
            told.process.wait(5)
            before, began = cpu_seconds(told.sender), time.monotonic()
            wait_for(lambda: time.monotonic() > began + 3, what="three seconds")
            used = cpu_seconds(told.sender) - before
    sys.stdout.write(f"measured: a lingering sender used {used:.2f} s of processor in 3 s\n")
    assert used < 0.6


def test_reports_never_wait_for_a_gateway(tmp_path: Path) -> None:
    """With a gateway that never answers, 100,000 reports take as long as ever."""
    code = """
import reporter, time
def seconds(r):
    began = time.monotonic()
    for n in range(100_000):
        r.report_metric("loss", n)
    r.report_parameter("lr", 0.1)
    return time.monotonic() - began
with reporter.Reporter(exit_timeout=0) as r:
    r.report_metric("loss", 0)
    r.flush(1)
    print(seconds(r))
"""
    with faulty("silent") as url:
        ended = Training(tmp_path, url).run([sys.executable, "-c", code])
        assert float(ended.out) < 1


def test_the_sender_is_gone_when_its_time_is_over(tmp_path: Path) -> None:
    """Exit timeout and ten seconds after the end, whatever hangs in it then."""
    with faulty("silent") as url:
        training = Training(tmp_path, url, exit_timeout=EXIT_TIMEOUT)
        with training.told() as told:
            told("report_metric", "loss", 0.37)
            began = time.monotonic()
            told.leave()
            assert not gone(told.sender)
            longest = EXIT_TIMEOUT + LINGER + 1
            wait_for(lambda: gone(told.sender), longest, "the sender to end")
            seconds = time.monotonic() - began
    assert seconds > EXIT_TIMEOUT + LINGER - 1
    assert senders_of(training) == []
    assert not training.record().delivered
    sys.stdout.write(f"measured: the sender was gone after {seconds:.3f} s\n")


def test_a_gateway_that_comes_back_gets_the_end(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """What leaving could not deliver, the sender does, if the gateway is back in time."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url, exit_timeout=EXIT_TIMEOUT)
    ended = training.run(child("ends.py", "exception"))
    assert "has not reached" in ended.err
    gateway.start()
    group = training.ended_group()
    assert (group.state, group.metric("loss")) == (State.FAILED, 0.37)
    wait_for(lambda: training.record().delivered, what="the record to say so")


def test_the_end_is_tried_often_however_long_the_outage_was(tmp_path: Path) -> None:
    """A gateway that asks for five minutes' patience does not get it from a run that is over."""
    busy = (503, {"Retry-After": "300"}, b"busy")
    with Misbehaving("status", [busy, busy, busy, (200, {}, b"")]) as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=EXIT_TIMEOUT)
        training.run(child("ends.py", "returned"))
        wait_for(lambda: training.record().delivered, LINGER, "the end to be delivered")


def test_an_outage_costs_one_push(tmp_path: Path, start_pushgateway: StartPushgateway) -> None:
    """Over and done, it leaves the newest values alone to deliver, in one push."""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", 0)
        wait_for(lambda: training.group(told.run).metric("loss") == 0, what="the first push")
        gateway.stop()
        for n in range(1000):
            told("report_metric", "loss", n)
        wait_for(lambda: told("status").get("push_failures"), 10, "a push to fail")
        gateway.start()
        wait_for(lambda: training.group(told.run).metric("loss") == 999, 10, "the newest value")
        assert (training.group(told.run).value("reporter_push_failures_total") or 0) >= 1
    assert list(training.record(told.run).points["loss"].values) == [0, *range(1000)]


@pytest.mark.parametrize("timeout", [0, 0.5])
def test_flush_is_bounded_and_says_what_came_of_it(timeout: float, tmp_path: Path) -> None:
    """False when its time is over; nothing is raised."""
    with faulty("silent") as url, Training(tmp_path, url, exit_timeout=0).told() as told:
        told("report_metric", "loss", 0.37)
        began = time.monotonic()
        assert told("flush", timeout) is False
        assert time.monotonic() - began < timeout + SLACK


def test_offline_no_socket_is_ever_opened(tmp_path: Path) -> None:
    """Neither by the trainer nor by the sender, though a gateway is set; the record is whole."""
    with Misbehaving("silent") as gateway:
        training = Training(tmp_path, gateway.url, mode="offline")
        with training.told() as told:
            told("report_metric", "loss", 0.37)
            assert told("flush", 5) is True
            assert children_of(told.pid) == [told.sender]
            opened = open_files(told.pid) + open_files(told.sender)
            assert told.leave() < 1
        assert gateway.accepted == 0
    assert not [path for path in opened if path.startswith("socket:")]
    assert list(training.record().points["loss"].values) == [0.37]


def test_without_a_gateway_one_notice_says_so(tmp_path: Path) -> None:
    """The run is recorded, nothing is pushed, and training is not bothered again."""
    code = "import reporter\nfor _ in range(2):\n    with reporter.Reporter(): pass"
    training = Training(tmp_path)
    ended = training.run([sys.executable, "-c", code])
    assert ended.code == 0
    assert ended.err.count("no gateway is set") == len(ended.err.splitlines()) == 1
    assert [record.state for record in training.records()] == [State.SUCCEEDED] * 2
