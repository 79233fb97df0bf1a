"""The public surface as a user types it. Checked by mypy --strict, never run.

A wrong call carries an ignore with its code: were it accepted one day, mypy would say that the
ignore is unused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

import reporter
from reporter import Reporter


def scopes() -> None:
    with reporter.Reporter() as r:
        assert_type(r, Reporter)
    with Reporter("project", "name", gateway="host:9091", parameters={"lr": 1}, tags={"t": ""}):
        pass
    with Reporter(project=None, name=None, gateway=None, parameters=None, tags=None):
        pass
    Reporter(
        mode="offline",
        run="id",
        dir="runs",
        points=False,
        record_limit="1GiB",
        interval="30s",
        exit_timeout=2.5,
        on_finish="delete",
        lease="1h",
        series_limit=10,
        sample_interval=0,
        cloud=True,
        strict=True,
        parameter_prefix="reporter_push_gateway_parameter",
        rank=3,
        gateway_username="me",
        gateway_password_file="file",
        gateway_token_file=None,
        gateway_ca_file="file",
        gateway_cert_file="file",
        gateway_key_file="file",
    )


async def asynchronous_scopes() -> None:
    async with Reporter() as r:
        assert_type(r, Reporter)


class Own(Reporter):
    def report_metric(self, name: str, value: Any, step: int | None = None) -> None:
        super().report_metric(name, value, step)


def a_subclass_keeps_its_type() -> None:
    with Own() as r:
        assert_type(r, Own)


def reports(r: Reporter) -> None:
    r.report_metric("loss", 0.5)
    r.report_metric("loss", object(), 3)
    r.report_metric("loss", 0.5, step=None)
    r.report_metrics({"loss": 0.5, "n": 3}, step=4)
    loss = r.metric("loss")
    assert_type(loss, Callable[..., None])
    loss(0.5)
    loss(0.5, 3)
    r.report_parameter("lr", 1e-3)
    r.report_parameters({"lr": 1e-3, "name": "adam"})
    r.reportMetric("loss", 0.5)
    r.reportParameter("lr", 0.5)


def what_happens(r: Reporter) -> None:
    r.tag("team")
    r.tag("team", "vision")
    r.milestone("data ready")
    r.note({"rows": 3})
    r.note(rows=3, columns=["a"])
    r.progress(1, 2.5)
    r.stage("train")
    with r.stage("train"):
        pass
    r.artifact("model.pt", kind="model", name="m")
    r.artifact(Path("model.pt"))
    with r.attach("notes.txt") as file:
        file.write("text")


def ends(r: Reporter) -> None:
    assert_type(r.flush(), bool)
    assert_type(r.flush(timeout=2), bool)
    assert_type(r.status(), dict[str, Any])
    assert_type(r.run_id, str)
    r.fail()
    r.fail("why")
    r.finish()


def module_level() -> None:
    reporter.report_metric("loss", 0.5, step=3)
    reporter.report_metrics({"loss": 0.5})
    assert_type(reporter.metric("loss"), Callable[..., None])
    reporter.report_parameter("lr", 0.1)
    reporter.report_parameters({"lr": 0.1})
    reporter.reportMetric("loss", 0.5)
    reporter.reportParameter("lr", 0.1)
    reporter.tag("team", "vision")
    reporter.milestone("m")
    reporter.note(rows=3)
    reporter.progress(1, 2)
    with reporter.stage("train"):
        pass
    reporter.artifact("f", "log")
    with reporter.attach("f", "wb", "data") as file:
        file.write(b"")
    assert_type(reporter.flush(1.5), bool)
    assert_type(reporter.status(), dict[str, Any])
    reporter.fail("why")
    reporter.finish()
    assert_type(reporter.__version__, str)
    assert_type(reporter.State.FAILED.word, str)


def errors() -> None:
    for each in (reporter.NameRefused, reporter.ValueRefused, reporter.SettingRefused):
        refused: type[reporter.ReporterError] = each
        assert refused


def wrong(r: Reporter) -> None:
    Reporter(intervall=5)  # type: ignore[call-arg]
    Reporter(mode="on")  # type: ignore[arg-type]
    Reporter(on_finish="remove")  # type: ignore[arg-type]
    Reporter(interval=None, points="yes")  # type: ignore[arg-type]
    Reporter("project", "name", "gateway")  # type: ignore[call-arg]
    Reporter(gateway=9091)  # type: ignore[arg-type]
    Reporter(parameters=["lr"])  # type: ignore[arg-type]
    r.report_metric(3, 0.5)  # type: ignore[arg-type]
    r.report_metric("loss")  # type: ignore[call-arg]
    r.report_metric("loss", 0.5, step="3")  # type: ignore[arg-type]
    r.report_metrics(["loss"])  # type: ignore[arg-type]
    r.metric()  # type: ignore[call-arg]
    r.progress("1", 2)  # type: ignore[arg-type]
    r.report("loss", 0.5)  # type: ignore[attr-defined]
    r.run_id = "x"  # type: ignore[misc]
    r.artifact(3)  # type: ignore[arg-type]
    reporter.report_metric("loss", 0.5, epoch=3)  # type: ignore[call-arg]
    reporter.stage(None)  # type: ignore[arg-type]
    reporter.unknown()  # type: ignore[attr-defined]
