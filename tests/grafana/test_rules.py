"""The rules: Prometheus takes them, each alert fires, keeps still and resolves when it should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from grafana.build import alerts
from grafana.build.alerts import Alert
from tests.services.programs import find_program

pytestmark = [pytest.mark.service, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "grafana" / "rules"
TESTS = sorted((RULES / "tests").glob("*.test.yaml"))
ALERTS = {alert.name: alert for group in alerts.groups().values() for alert in group}
RUNBOOK = (ROOT / alerts.RUNBOOK).read_text(encoding="utf-8")

PUSHED_JOB = 'job="reporter_pod_info"'
RENAMED_JOB = 'job="pushgateway",instance="gateway:9091",exported_job="reporter_pod_info"'


class Case(NamedTuple):
    """One test of an alert: the series that there are, and whether it fires, time by time."""

    series: list[str]
    fires: list[bool]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool makes of it."""
    command = [find_program("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def cases(alert: str) -> list[Case]:
    """Every test that asks for the alert, wherever it is written."""
    found = []
    for group in (group for path in TESTS for group in loaded(path)["tests"]):
        asked = [each for each in group.get("alert_rule_test", ()) if each["alertname"] == alert]
        if asked:
            series = [each["series"] for each in group["input_series"]]
            found.append(Case(series, [bool(each["exp_alerts"]) for each in asked]))
    return found


def file_for(alert: str) -> Path:
    (found,) = (path for path in TESTS if f"alertname: {alert}\n" in path.read_text("utf-8"))
    return found


def asked_for(test: Path) -> str:
    """Of the rules that a test is about, those that it asks for: all would take long."""
    (name,) = loaded(test)["rule_files"]
    rules = loaded(RULES / "tests" / name)
    text = test.read_text(encoding="utf-8")
    for group in rules["groups"]:
        group["rules"] = [
            each for each in group["rules"] if each.get("alert", each.get("record")) in text
        ]
    return yaml.safe_dump(rules)


def changed(folder: Path, test: Path, rules: str, job: str = PUSHED_JOB) -> Path:
    """The same tests, of other rules or of series with other labels."""
    (folder / "changed-rules.yaml").write_text(rules, encoding="utf-8")
    text = re.sub(r"\[\.\./.*\]", "[changed-rules.yaml]", test.read_text(encoding="utf-8"))
    path = folder / test.name
    path.write_text(text.replace(PUSHED_JOB, job), encoding="utf-8")
    return path


def only(alert: Alert, **instead: str) -> str:
    """Rules with this alert alone, and with something about it changed."""
    return yaml.safe_dump({"groups": [{"name": "one", "rules": [{**alert.rule(), **instead}]}]})


@pytest.mark.parametrize("name", ["reporter-alerts.yaml", "reporter-recording.yaml"])
def test_prometheus_takes_the_rules(name: str) -> None:
    """promtool finds nothing to say against them."""
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES / name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("honor_labels", [True, False])
@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name.partition(".")[0])
def test_rules_say_what_they_should(test: Path, honor_labels: bool, tmp_path: Path) -> None:
    """Every expected alert, with its labels and texts, with and without `honor_labels`."""
    job = PUSHED_JOB if honor_labels else RENAMED_JOB
    done = promtool("test", "rules", changed(tmp_path, test, asked_for(test), job))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested_three_ways(alert: str) -> None:
    """It fires; it resolves, its cause being gone; and it keeps still though there is a run."""
    found = cases(alert)
    assert any(any(case.fires) for case in found)
    assert any((True, False) in zip(case.fires, case.fires[1:], strict=False) for case in found)
    assert [case for case in found if not any(case.fires) and len(case.series) > 1]


@pytest.mark.parametrize("broken", ["vector(0) > 1", "vector(1)"], ids=["never", "always"])
@pytest.mark.parametrize("alert", ALERTS)
def test_a_broken_alert_is_noticed(alert: str, broken: str, tmp_path: Path) -> None:
    """The tests are red for a rule that never fires, and for one that always does."""
    rules = only(ALERTS[alert], expr=broken)
    assert promtool("test", "rules", changed(tmp_path, file_for(alert), rules)).returncode == 1


@pytest.mark.parametrize("alert", [name for name, each in ALERTS.items() if each.hold != "0s"])
def test_how_long_it_must_last_is_tested(alert: str, tmp_path: Path) -> None:
    """The tests are red for a rule that fires at once."""
    rules = only(ALERTS[alert], **{"for": "0s"})
    assert promtool("test", "rules", changed(tmp_path, file_for(alert), rules)).returncode == 1


def test_the_operator_gets_the_same_rules() -> None:
    """Each PrometheusRule has the groups of the plain file of its name."""
    text = (RULES / "prometheusrule.yaml").read_text(encoding="utf-8")
    for found in yaml.safe_load_all(text):
        assert (found["apiVersion"], found["kind"]) == (
            "monitoring.coreos.com/v1",
            "PrometheusRule",
        )
        assert found["spec"] == loaded(RULES / f"{found['metadata']['name']}.yaml")


@pytest.mark.parametrize("alert", ALERTS)
def test_the_runbook_knows_every_alert(alert: str) -> None:
    """Where its link leads, its severity and how long it must last are said; and what to do."""
    _, found, section = RUNBOOK.partition(f"\n## {alert}\n")
    assert found
    section = section.partition("\n## ")[0]
    told = ALERTS[alert]
    at_once = told.hold == "0s"
    lasts = "at once" if at_once else f"after {told.hold}"
    assert section.startswith(f"\nSeverity {told.severity}, {lasts}.\n")
    assert "**What to do.**" in section


def test_the_runbook_knows_no_other_alert() -> None:
    """No section is left of an alert that is gone."""
    assert set(re.findall(r"^## (Reporter\w+)$", RUNBOOK, re.MULTILINE)) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_complete(alert: str) -> None:
    """A severity to route by, texts, and a link to the run's dashboard, which exists."""
    rule = ALERTS[alert].rule()
    assert rule["labels"]["severity"] in alerts.SEVERITIES
    assert {"summary", "description", "runbook_url"} <= rule["annotations"].keys()
    uid = loaded(ROOT / "grafana" / "dashboards" / "reporter-run.json")["uid"]
    link = rule["annotations"].get("dashboard_url", f"/d/{uid}?")
    assert link.startswith(f"/d/{uid}?")
