"""The generated files: those of the names in the code, and the same bytes every time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grafana import generate
from grafana.build import states
from grafana.lint import reading

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
_INTERVAL, _STEP = "reporter_push_interval_seconds", "reporter_run_step_interval_seconds"
EACH = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def check(script: Path) -> subprocess.CompletedProcess[str]:
    """What generate.py says about the files beside it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(script), "--check"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.slow
def test_what_is_committed_is_what_is_generated() -> None:
    """Dashboards and rules are those that the generator makes of the names in the code."""
    done = check(ROOT / "grafana" / "generate.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_changed_byte_and_a_missing_file_are_told(tmp_path: Path) -> None:
    """The check names what differs, changes nothing, and fails."""
    copy = tmp_path / "grafana"
    for folder in ("dashboards", "rules", "build"):
        shutil.copytree(ROOT / "grafana" / folder, copy / folder)
    for name in ("__init__.py", "generate.py"):
        shutil.copy(ROOT / "grafana" / name, copy / name)
    changed, missing = copy / "dashboards/reporter-run.json", copy / "rules/reporter-alerts.yaml"
    changed.write_text(changed.read_text("utf-8") + " ", encoding="utf-8")
    missing.unlink()
    done = check(copy / "generate.py")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "grafana/dashboards/reporter-run.json: stale; run make fix",
        "grafana/rules/reporter-alerts.yaml: stale; run make fix",
    ]
    assert changed.read_text("utf-8").endswith(" ")
    assert not missing.exists()


@pytest.mark.slow
def test_what_is_stale_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --check the files are made, and then nothing is stale."""
    monkeypatch.setattr(generate, "HERE", tmp_path)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*")}
    assert {f"dashboards/{path.name}" for path in DASHBOARDS} <= made


@pytest.mark.slow
def test_no_order_of_chance_is_in_the_bytes(tmp_path: Path) -> None:
    """Two processes that hash differently make the same bytes."""
    code = "from grafana.generate import made; import json; print(json.dumps(made()))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@EACH
def test_a_dashboard_is_bare_classic_json(path: Path) -> None:
    """Neither wrapped as a resource nor of a version that Grafana 10.4 does not know."""
    dashboard = loaded(path)
    assert dashboard["uid"] == path.stem
    assert dashboard["schemaVersion"] == 39
    assert dashboard["version"] == 1
    assert dashboard.keys().isdisjoint({"apiVersion", "kind", "spec", "dashboard"})
    assert path.read_text("utf-8").endswith("}\n")


def test_there_are_three_dashboards() -> None:
    """Runs, Run and Compare."""
    names = ["reporter-compare", "reporter-run", "reporter-runs"]
    assert [path.stem for path in DASHBOARDS] == names


def test_dashboards_lead_to_each_other() -> None:
    """Links name a dashboard that there is, and the variables that it has."""
    all_of_them = {path.stem: loaded(path) for path in DASHBOARDS}
    links = {
        link["url"]
        for dashboard in all_of_them.values()
        for panel in reading.panels(dashboard)
        for override in panel["fieldConfig"].get("overrides", [])
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    }
    assert links
    for url in links:
        path, _, query = url.partition("?")
        asked = {part.partition("=")[0].removeprefix("var-") for part in query.split("&")}
        asked = {name for name in asked if not name.startswith("$")}
        assert asked <= {each["name"] for each in reading.variables(all_of_them[path[3:]])}


def test_the_contract_has_the_same_limits() -> None:
    """Lost and stalled are reckoned with the figures that docs/metrics.md gives."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    told = " ".join(text.replace("\N{MULTIPLICATION SIGN}", "*").split())
    minutes, steps = states.STALLED_AFTER_S // 60, states.STALLED_AFTER_STEPS
    assert f"max({states.LOST_AFTER_S} s, {states.LOST_AFTER_PUSHES} * `{_INTERVAL}`)" in told
    assert f"max({minutes} min, {steps} * `{_STEP}`)" in told
