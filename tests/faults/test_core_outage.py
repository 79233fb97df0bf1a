"""Whatever the gateway does, training goes on, leaving is bounded, and nothing outlives the run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reporter.names import State
from tests.misbehaving import Misbehaving, black_hole
from tests.processes import children_of, cpu_seconds, gone, open_files
from tests.runs import Heard, Training, child, senders_of
from tests.services.programs import StartPushgateway, free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

EXIT_TIMEOUT, LINGER, SLACK = 1, 10, 0.5
TROUBLE_AFTER = 10
FAULTS = ["closed", "no-such-host", "black-hole", "silent", "drip", "endless", "garbage", "reset"]
FAULTS += ["short", "500", "403", "redirect"]
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
    if fault == "no-such-host":
        yield "http://gateway.invalid:9091"
        return
    if fault == "black-hole":
        with black_hole() as port:
            yield f"http://127.0.0.1:{port}"
        return
    mode = "status" if fault in SCRIPTED else fault
    answers = [SCRIPTED[fault]] if fault in SCRIPTED else []
    with Misbehaving(mode, answers) as gateway:
        yield gateway.url


@pytest.mark.parametrize("fault", FAULTS)
def test_e3_e4_e5_e6_e7_e8_e9_e12_e13_leaving_takes_at_most_the_exit_timeout(
    fault: str, tmp_path: Path
) -> None:
    """Leaving takes at most the exit timeout (5 s); what was not delivered is said once, and the
    record has it all.

    All of it where connections are refused, too: the gateway may be about to come back.
    """
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
def test_e3_e12_e15_the_notice_says_what_the_gateway_said(
    fault: str, said: str, tmp_path: Path
) -> None:
    """The notice on leaving says what the gateway said last."""
    with faulty(fault) as url:
        training = Training(tmp_path, url, exit_timeout=3)
        ended = training.run(child("ends.py", "returned"))
    assert said in ended.err.replace(url, "").replace(training.runs()[0], "").lower()


def test_e4_a_sender_that_waits_costs_next_to_nothing(tmp_path: Path) -> None:
    """While the sender tries for its last seconds, it uses next to no processor."""
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


@pytest.mark.parametrize("fault", FAULTS)
def test_e1_e4_e5_e6_e7_e8_e9_e15_reports_never_wait_for_a_gateway(
    fault: str, tmp_path: Path
) -> None:
    """Entering and reporting take as long as ever.

    Entering, and then 100,000 reports once the sender has met the fault.
    """
    code = """
import reporter, time
def seconds(r):
    began = time.monotonic()
    for n in range(100_000):
        r.report_metric("loss", n)
    r.report_parameter("lr", 0.1)
    return time.monotonic() - began
began = time.monotonic()
with reporter.Reporter(exit_timeout=0) as r:
    print(time.monotonic() - began)
    r.report_metric("loss", 0)
    r.flush(0.5)
    print(seconds(r))
"""
    with faulty(fault) as url:
        ended = Training(tmp_path, url).run([sys.executable, "-c", code])
        entering, reporting = map(float, ended.out.split())
    assert entering < 1
    assert reporting < 1


def test_e4_b11_the_sender_is_gone_when_its_time_is_over(tmp_path: Path) -> None:
    """The sender ends 10 s after the exit timeout at the latest, whatever hangs in it then."""
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


def test_e3_a_gateway_that_comes_back_gets_the_end(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """What leaving could not deliver, the sender does, if the gateway is back within 10 s."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url, exit_timeout=EXIT_TIMEOUT)
    ended = training.run(child("ends.py", "exception"))
    assert "has not reached" in ended.err
    gateway.start()
    group = training.ended_group()
    assert (group.state, group.metric("loss")) == (State.FAILED, 0.37)
    wait_for(lambda: training.record().delivered, what="the record to say so")


def test_e3_e15_the_end_is_tried_often_however_long_the_outage_was(tmp_path: Path) -> None:
    """A gateway that asks for five minutes' patience does not get it from a run that is over."""
    busy = (503, {"Retry-After": "300"}, b"busy")
    with Misbehaving("status", [busy, busy, busy, (200, {}, b"")]) as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=EXIT_TIMEOUT)
        training.run(child("ends.py", "returned"))
        wait_for(lambda: training.record().delivered, LINGER, "the end to be delivered")


def test_e1_a_gateway_that_comes_up_later_gets_the_newest_values(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Training starts as if the gateway were there; once it is, the next retry brings the newest
    values, and nothing has been said."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url)
    with training.told() as told:
        for n in range(100):
            told("report_metric", "loss", n)
        wait_for(lambda: told("status")["push_failures"] > 1, what="a retry to fail")
        assert told("status")["problem"] == "connection refused"
        gateway.start()
        wait_for(lambda: training.group(told.run).metric("loss") == 99, 10, "the newest value")
        told.leave()
        assert told.process.stderr is not None
        assert told.process.stderr.read() == ""
    assert list(training.record().points["loss"].values) == list(range(100))


def test_e12_a_credential_that_stays_refused_is_said_once(tmp_path: Path) -> None:
    """After 10 s in which a credential was refused, the next slow call says so, once."""
    with faulty("403") as url, Training(tmp_path, url).told() as told:
        told("report_metric", "loss", 0)
        heard, began = Heard(told), time.monotonic()
        wait_for(heard.after_a_slow_call, TROUBLE_AFTER + 5, "a line on the terminal")
        assert time.monotonic() - began > TROUBLE_AFTER - 0.5
        for _ in range(20):
            heard.after_a_slow_call()
        (said,) = heard().splitlines()
    assert f"{url} takes no push (the gateway does not allow this credential to push (403))" in said


def test_e2_an_outage_costs_one_push(tmp_path: Path, start_pushgateway: StartPushgateway) -> None:
    """An outage that is over leaves the newest values alone to deliver, in one push; the record has
    every point."""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, interval=60)
    with training.told() as told:
        told("report_metric", "loss", 0)
        wait_for(lambda: training.group(told.run).metric("loss") == 0, what="the first push")
        gateway.stop()
        for n in range(1000):
            told("report_metric", "loss", n)
        told("report_parameter", "lr", 0.1)
        wait_for(lambda: told("status").get("push_failures"), 10, "a push to fail")
        gateway.start()
        wait_for(lambda: training.group(told.run).metric("loss") == 999, 10, "the newest value")
        assert gateway.pushes() == 1
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
