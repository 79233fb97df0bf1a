"""What a training process shows on a real Pushgateway, when, and at what cost to the gateway."""

from __future__ import annotations

import sys
import time
import urllib.request
from pathlib import Path

import pytest

from reporter.names import State
from tests.runs import Told, Training, child, senders_of
from tests.services.programs import Pushgateway, StartPushgateway
from tests.waiting import wait_for

pytestmark = pytest.mark.service

STAGED = """
import reporter
with reporter.Reporter() as r:
    with r.stage("warm-up"):
        input()
    input()
"""


def test_a_hundred_thousand_reports_cost_a_handful_of_pushes(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Values are coalesced, and leaving the scope takes well under a second."""
    code = """
import reporter, time
with reporter.Reporter() as r:
    for n in range(100_000):
        r.report_metric("loss", n)
    left = time.monotonic()
print(time.monotonic() - left)
"""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url)
    ended = training.run([sys.executable, "-c", code])
    assert training.group().metric("loss") == 99_999
    assert 1 <= gateway.pushes() <= 4
    assert float(ended.out) < 1
    _measured("leaving after 100,000 reports", float(ended.out))


def test_leaving_returns_when_the_gateway_has_everything(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Once the scope is left, the newest values and the end are there, and the record is closed."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        told("report_metric", "loss", 0.37)
        told("report_parameter", "lr", 0.1)
        seconds = told.leave()
        group, record = training.group(), training.record()
    assert (group.state, group.metric("loss"), group.parameters("lr")) == (2, 0.37, ["0.1"])
    assert (record.state, record.delivered) == (State.SUCCEEDED, True)
    assert seconds < 1
    _measured("leaving", seconds)


@pytest.mark.slow
def test_the_first_value_is_there_within_a_second_of_entering(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The sender's start included. The promise is for an idle machine: twice that is allowed."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        began = time.monotonic()
        told("report_metric", "loss", 0.37)
        seconds = _seconds_until(training, told, "loss", 0.37, began)
    assert seconds < 2
    _measured("the first value after entering", seconds)


@pytest.mark.slow
def test_later_values_are_there_within_the_interval(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Whenever in the interval they come; twice what is promised is allowed."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", -1)
        _seconds_until(training, told, "loss", -1, time.monotonic())
        waited = []
        for n in range(6):
            began = time.monotonic()
            told("report_metric", "loss", n)
            waited.append(_seconds_until(training, told, "loss", n, began))
    assert max(waited) < 2 * (1 + 0.25)
    _measured("a later value at interval 1", max(waited))


@pytest.mark.slow
def test_a_stage_or_parameter_is_there_at_once(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A change does not wait for the interval, however long that is."""
    training = Training(tmp_path, pushgateway.url, interval=60)
    with training.told() as told:
        told("report_metric", "loss", 1)
        _seconds_until(training, told, "loss", 1, time.monotonic())
        told("report_metric", "loss", 2)
        told("report_parameter", "lr", 0.1)
        told("stage", "train")
        wait_for(lambda: training.group(told.run).parameters("lr"), 3, "the parameter")
        stage = {"stage": "train"}
        wait_for(
            lambda: training.group(told.run).value("reporter_run_stage_info", **stage), 3, "a stage"
        )
        assert training.group(told.run).metric("loss") == 2


@pytest.mark.slow
def test_never_more_than_one_push_a_second(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Changes as fast as they can come are coalesced."""
    code = """
import reporter, time
with reporter.Reporter() as r:
    began, n = time.monotonic(), 0
    while time.monotonic() < began + 3:
        r.report_parameter("lr", n)
        r.stage(f"stage {n}")
        n += 1
        time.sleep(0.005)
"""
    gateway = start_pushgateway()
    Training(tmp_path, gateway.url).run([sys.executable, "-c", code])
    assert 3 <= gateway.pushes() <= 5


@pytest.mark.slow
def test_e17_a_gateway_that_lost_everything_is_whole_again_an_interval_later(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """An interval later the whole group is there again: each push is all of it."""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", 0.37)
        told("report_parameter", "lr", 0.1)
        wait_for(lambda: training.group(told.run).metric("loss"), what="the first push")
        gateway.stop()
        gateway.start()
        began = time.monotonic()
        wait_for(lambda: training.group(told.run).metric("loss"), 5, "the group again")
        _measured("the group again at interval 1", time.monotonic() - began)
        group = training.group(told.run)
    assert (group.metric("loss"), group.parameters("lr")) == (0.37, ["0.1"])
    assert group.state is State.RUNNING


@pytest.mark.slow
def test_e10_e11_another_teams_type_costs_one_family(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """The family that the gateway refuses is put aside and counted; all else arrives, the end too,
    and the record has everything."""
    gateway = start_pushgateway()
    foreign = "# TYPE reporter_push_gateway_metric_conflict counter\n"
    foreign += "reporter_push_gateway_metric_conflict 1\n"
    _post(f"{gateway.url}/metrics/job/of-another-team", foreign)
    training = Training(tmp_path, gateway.url, interval=1)
    with training.told() as told:
        for n, name in enumerate(("before", "conflict", "behind")):
            told("report_metric", name, n)
        wait_for(lambda: training.group(told.run).value("reporter_rejected_families"), what="it")
        told.leave()
    group = training.group(told.run)
    assert [group.metric(name) for name in ("before", "conflict", "behind")] == [0, None, 2]
    assert group.value("reporter_rejected_families") == 1
    assert (group.value("reporter_dropped_total", reason="quarantined") or 0) >= 1
    assert (group.state, training.record().delivered) == (State.SUCCEEDED, True)
    assert training.record().newest["conflict"][0] == 1


def test_e11_a_conflict_in_the_only_push_does_not_cost_the_end(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """A run that is over before its first push sorts the families out on leaving."""
    gateway = start_pushgateway()
    foreign = "# TYPE reporter_push_gateway_metric_loss counter\n"
    foreign += "reporter_push_gateway_metric_loss 1\n"
    _post(f"{gateway.url}/metrics/job/of-another-team", foreign)
    training = Training(tmp_path, gateway.url)
    training.run(child("ends.py", "returned"))
    group = training.group()
    assert (group.state, group.metric("loss"), group.parameters("lr")) == (2, None, ["0.1"])


@pytest.mark.slow
def test_e19_a_run_is_continued(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A run continued in another pod owns one group: that of its newest attempt.

    REPORTER_RUN of a run that has ended: the same run and record, one attempt more.
    """
    training = Training(tmp_path, pushgateway.url, run="continued")
    training.run(child("ends.py", "sigkill"))
    training.ended_group("continued")
    wait_for(lambda: not senders_of(training), what="the first sender to end")
    training.run(child("ends.py", "returned"), podUUID="another-pod")
    record = training.record()
    assert (record.attempt, record.state) == (2, State.SUCCEEDED)
    assert list(record.points["loss"].values) == [0.37, 0.37]
    wait_for(lambda: _pods(training, "continued") == {"another-pod"}, what="the old group to go")
    group = training.group()
    assert (group.value("reporter_run_attempt"), group.state) == (2, State.SUCCEEDED)


@pytest.mark.slow
def test_what_no_longer_holds_is_gone_from_the_group(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A stage that was left; and the end, once the run goes on."""
    training = Training(tmp_path, pushgateway.url, run="goes-on")
    training.run(child("ends.py", "exception"))
    assert training.ended_group("goes-on").reason == "exception"
    with training.started([sys.executable, "-c", STAGED]) as process:
        stage = {"name": "reporter_run_stage_info", "stage": "warm-up"}
        wait_for(lambda: training.group("goes-on").value(**stage), what="the stage")
        group = training.group("goes-on")
        assert (group.state, group.reason) == (State.RUNNING, None)
        assert group.value("reporter_run_end_time_seconds") is None
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        wait_for(lambda: training.group("goes-on").value(**stage) is None, what="no stage")


def test_e18_b12_a_run_that_another_process_holds_is_left_alone(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A second process that is given the id of a live run gets one of its own, and a warning that
    says so."""
    training = Training(tmp_path, pushgateway.url, run="held")
    with training.told() as holder:
        holder("report_metric", "loss", 1)
        newcomer = training.run(child("ends.py", "returned"))
        holder("report_metric", "loss", 2)
        holder.leave()
    (own,) = (run for run in training.runs() if run != "held")
    assert newcomer.err.count("run held is held by another process") == 1
    assert own in newcomer.err
    assert list(training.record("held").points["loss"].values) == [1, 2]
    assert (training.group("held").metric("loss"), training.group(own).metric("loss")) == (2, 0.37)


def _post(url: str, body: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, body.encode(), method="PUT"), timeout=5) as answer:
        assert answer.status == 200


def _seconds_until(training: Training, told: Told, name: str, value: float, since: float) -> float:
    what = f"{name} = {value} on the gateway"
    wait_for(lambda: training.group(told.run).metric(name) == value, 10, what)
    return time.monotonic() - since


def _pods(training: Training, run: str) -> set[str]:
    return {sample.labels["podUUID"] for sample in training.group(run).samples}


def _measured(what: str, seconds: float) -> None:
    sys.stdout.write(f"measured: {what}: {seconds:.3f} s\n")
