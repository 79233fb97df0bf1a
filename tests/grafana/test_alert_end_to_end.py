"""One alert all the way: a run stalls, somebody is told; it goes on, and they are told so.

Everything is real: the library, a Pushgateway, a Prometheus with all our rules, an Alertmanager.
Only the waiting is shortened, since the true rule takes five minutes: a run counts as stalled once
its step has not moved for `STALLED_AFTER_S` instead of two minutes, and the alert waits for `HOLD`.
The expression is otherwise the shipped one; that the true durations hold is shown by promtool.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from grafana.build import alerts, rulefile, states
from tests.grafana.alerting import AlertingPrometheus, Alertmanager, Told, webhook
from tests.runs import Training
from tests.services.programs import Program, Pushgateway, StartPushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

STALLED = "ReporterRunStalled"
STALLED_AFTER_S, HOLD = 4, "1s"
LONG = 60  # a loaded machine takes its time


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """All the rules, that of a stalled run with less patience."""
    monkeypatch.setattr(states, "STALLED_AFTER_S", STALLED_AFTER_S)
    groups = {
        name: [replace(a, hold=HOLD if a.name == STALLED else a.hold).rule() for a in group]
        for name, group in alerts.groups().items()
    }
    path = tmp_path / "rules.yaml"
    path.write_text(rulefile.plain(groups), encoding="utf-8")
    return path


@pytest.fixture
def gateway(start_pushgateway: StartPushgateway) -> Pushgateway:
    return start_pushgateway()


@pytest.fixture
def told(gateway: Pushgateway, rules: Path, tmp_path: Path) -> Iterator[Told]:
    """Somebody who is told of alerts by an Alertmanager, and that by a Prometheus."""
    with webhook() as found, ExitStack() as stack:
        alertmanager = Alertmanager(tmp_path, found.url)
        prometheus = AlertingPrometheus(tmp_path, gateway.url, rules, alertmanager.url)
        for program in (alertmanager, prometheus):
            _started(stack, program)
        yield found


def _started(stack: ExitStack, program: Program) -> None:
    stack.callback(program.stop)
    program.start()


def test_a_stalled_run_is_told_of_and_that_it_goes_on(
    gateway: Pushgateway, told: Told, tmp_path: Path
) -> None:
    """One alert, with what it is about and how long it lasts; then the same one, resolved."""
    training = Training(tmp_path, gateway.url, project="vision", name="keen-otter", interval=1)
    with training.told() as run:
        for step in range(3):
            run("report_metric", "loss", 0.5, step)
        (fired,) = wait_for(lambda: told.of("firing"), LONG, "an alert")
        assert fired["labels"] == {
            "alertname": STALLED,
            "severity": "warning",
            "run": run.run,
            "project": "vision",
            "run_name": "keen-otter",
        }
        assert "its step has not moved for" in fired["annotations"]["description"]
        assert fired["annotations"]["dashboard_url"].endswith(f"?var-run={run.run}")
        step = 3

        def resolved() -> bool:
            nonlocal step
            step += 1
            run("report_metric", "loss", 0.4, step)
            return bool(told.of("resolved"))

        wait_for(resolved, LONG, "the alert's end")
        run.leave()
    (ended,) = told.of("resolved")
    assert ended["fingerprint"] == fired["fingerprint"]
    assert {alert["labels"]["alertname"] for alert in told.alerts} == {STALLED}
