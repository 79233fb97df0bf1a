"""The lint: silent about what is committed, and every rule of it has something to say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from grafana.lint import __main__ as command
from grafana.lint.checking import RULES, excuses_in_vain, findings, findings_of_all
from grafana.lint.findings import EXCUSED, NOT_APPLIED
from tests.grafana.broken import BROKEN, Spoil

DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(command.DASHBOARDS.glob("*.json"))
}
SPOILT = [
    pytest.param(rule, spoil, id=f"{rule}-{n}")
    for rule, spoils in BROKEN.items()
    for n, spoil in enumerate(spoils)
]


def sound() -> dict[str, Any]:
    """A dashboard with every kind of part: annotations, collapsed rows, variables of each type."""
    return copy.deepcopy(DASHBOARDS["reporter-run"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_nothing_is_found(name: str) -> None:
    """A committed dashboard breaks no rule, but for what is excused."""
    assert findings(DASHBOARDS[name]) == []


@pytest.mark.parametrize(("rule", "spoil"), SPOILT)
def test_a_rule_finds_what_breaks_it(rule: str, spoil: Spoil) -> None:
    """What one mistake spoils in a sound dashboard is found by the rule that is meant for it."""
    dashboard = sound()
    before = list(RULES[rule](dashboard))
    spoil(dashboard)
    assert [found for found in RULES[rule](dashboard) if found not in before]


def test_every_rule_has_something_that_breaks_it() -> None:
    """No rule is there that nothing has ever failed."""
    assert list(BROKEN) == list(RULES)


def test_a_mistake_in_a_collapsed_row_is_found() -> None:
    """Panels that are folded away are checked like all others."""
    dashboard = sound()
    row = next(panel for panel in dashboard["panels"] if panel.get("panels"))
    row["panels"][0]["description"] = ""
    assert [finding.rule for finding in findings(dashboard)] == ["panel-title-description-rule"]


def test_two_dashboards_with_one_uid_are_found() -> None:
    """Grafana would show only one of them."""
    (found,) = findings_of_all([sound(), sound()])
    assert (found.rule, found.where) == ("uid", "reporter-run")


def test_an_excuse_that_excuses_nothing_is_found() -> None:
    """An exclusion goes when its reason has gone."""
    assert excuses_in_vain(DASHBOARDS.values()) == []
    assert excuses_in_vain([]) == list(EXCUSED)


def test_every_rule_of_the_public_linter_is_accounted_for() -> None:
    """Its seventeen rules are checked, or left out for a reason that is told."""
    public = [rule for rule in RULES if rule.endswith("-rule") or rule == "uneditable-dashboard"]
    assert len(public) + len(NOT_APPLIED) == 17
    assert all(NOT_APPLIED.values())
    assert all(EXCUSED.values())


def test_the_command_tells_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names place and rule of each finding, and its exit code is 1; 0 where all is well."""
    assert command.main() == 0
    dashboard = sound()
    dashboard["editable"] = True
    (tmp_path / "one.json").write_text(json.dumps(dashboard), encoding="utf-8")
    monkeypatch.setattr(command, "DASHBOARDS", tmp_path)
    capsys.readouterr()
    assert command.main() == 1
    assert "(uneditable-dashboard)" in capsys.readouterr().out
