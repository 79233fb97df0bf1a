"""Whole runs whose values lie on a device: in the record and on a real gateway, or counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import reporter
from reporter.record.load import RunRecord, load
from reporter.reporter import notices
from tests.pretended_device import Stream, Tensor, pretended_device
from tests.runs import Group
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

POINTS = pytest.mark.parametrize("points", [True, False], ids=["points", "newest-only"])


@pytest.fixture
def device() -> Iterator[Stream]:
    """A torch whose device does nothing by itself."""
    with pretended_device() as stream:
        yield stream


class Left(Exception):
    """What leaves a scope."""


Run = Callable[..., tuple[RunRecord, Group]]


@pytest.fixture
def run(tmp_path: Path, pushgateway: Pushgateway) -> Run:
    def ended(report: Callable[[reporter.Reporter], object], **settings: Any) -> Any:
        r = reporter.Reporter(dir=str(tmp_path), gateway=pushgateway.url, **settings)
        try:
            with r:
                report(r)
        except Left:
            pass
        assert r.status()["delivered"]
        return load(r.status()["record"]), Group(pushgateway.metrics(), r.run_id)

    return ended


def report_three(r: reporter.Reporter) -> None:
    r.report_metric("loss", Tensor(1), 10)
    r.metric("loss")(Tensor(2), 20)
    r.report_metrics({"loss": Tensor(3)}, 30)


@POINTS
@pytest.mark.parametrize("raises", [False, True], ids=["returns", "raises"])
def test_f7_leaving_waits_for_what_the_device_has_not_computed(
    points: bool, raises: bool, device: Stream, run: Run
) -> None:
    """The last values of a run arrive though the device computes them while the scope is left."""

    def compute_at_the_twentieth_look() -> None:
        if device.asked > 20:
            device.go_on()

    def report(r: reporter.Reporter) -> None:
        device.while_asked = compute_at_the_twentieth_look
        report_three(r)
        if raises:
            raise Left

    record, group = run(report, points=points)
    assert device.asked > 20
    assert record.newest["loss"][0] == group.metric("loss") == 3
    assert group.value("reporter_run_step") == 30
    assert group.value("reporter_dropped_total", reason="bad_value") == 0
    if points:
        assert (list(record.points["loss"].values), record.points["loss"].steps) == (
            [1, 2, 3],
            [10, 20, 30],
        )


@pytest.mark.slow
@POINTS
def test_f7_leaving_does_not_wait_for_ever(
    points: bool,
    device: Stream,
    run: Run,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device that hangs delays leaving by half the exit timeout; what it owes is counted, the
    rest of the run is delivered, and the end is honest."""

    def report(r: reporter.Reporter) -> None:
        r.report_metric("plain", 1)
        report_three(r)
        assert r.flush(timeout=0.2) is False

    monkeypatch.setattr(notices, "_said", set())
    record, group = run(report, points=points, exit_timeout=4)
    assert (record.newest["plain"][0], group.metric("plain")) == (1, 1)
    assert "loss" not in record.newest
    assert group.value("reporter_dropped_total", reason="bad_value") == 3
    assert group.state == 2
    assert caplog.text.count("3 values lay on a device") == 1


@POINTS
def test_f7_a_device_that_fails_costs_its_values_alone(
    points: bool, device: Stream, run: Run
) -> None:
    """After an illegal access every call to the device fails: training ends as it would have
    ended, and what cannot be read is counted."""

    def report(r: reporter.Reporter) -> None:
        r.report_metric("plain", 1)
        report_three(r)
        device.query_error = device.copy_error = RuntimeError("CUDA error: illegal memory access")
        report_three(r)
        raise Left

    record, group = run(report, points=points)
    assert group.metric("plain") == 1
    assert group.value("reporter_dropped_total", reason="bad_value") == 6
    assert group.state == 3
    assert list(record.newest) == ["plain"]


def test_f7_flush_waits_for_the_device(device: Stream, tmp_path: Path) -> None:
    """After a flush, what was reported before it is in the record, tensors among it."""
    with reporter.Reporter(dir=str(tmp_path), mode="offline") as r:
        report_three(r)
        device.go_on()
        assert r.flush(timeout=10)
        assert list(load(r.status()["record"]).points["loss"].values) == [1, 2, 3]


def test_f7_rare_calls_look_too(device: Stream, tmp_path: Path) -> None:
    """A stage, a parameter or a milestone is a moment at which what is ready is read."""
    with reporter.Reporter(dir=str(tmp_path), mode="offline") as r:
        report_three(r)
        device.go_on()
        device.asked = 0
        r.milestone("epoch over")
        assert device.asked == 3
