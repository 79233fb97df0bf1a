"""What a run tells about itself in words: facts, parameters, milestones, tags."""

from __future__ import annotations

from grafana.build import asked, looks, shaping
from grafana.build.panels import About, Panel, Query, rows
from grafana.build.promql import THIS, any_parameter, highest, over_range, series

_HEIGHT = 10
_FACTS = "run, run_name, project, framework, git_commit, host, node, pod, namespace, version"


def panels() -> list[Panel]:
    return [_facts(), _parameters(), _milestones(), _tags()]


def _facts() -> Panel:
    says = "Where and from what the run was started, and how it ended."
    return rows(
        About("facts", "Facts", says, "string", 8, _HEIGHT, "No such run in this time range"),
        Query(f"max by (reason, detail) ({asked.why_ended(THIS)})"),  # what one looks for first
        Query(asked.facts(_FACTS, THIS)),
        then=shaping.labels_as_rows("Fact", "Value"),
        columns={"Fact": looks.properties(custom__width=110)},
        as_table=False,
    )


def _parameters() -> Panel:
    says = "What the training was set to. One that changes is shown as it is now."
    named = "param_name, param_value"
    return rows(
        About("parameters", "Parameters", says, "string", 6, _HEIGHT, "No parameter was reported"),
        Query(_as_now(any_parameter(THIS), named)),
        then=shaping.chosen({"param_name": "Parameter", "param_value": "Value"}),
        sorted_by=("Parameter", False),
    )


def _milestones() -> Panel:
    says = "When the run reached what its code calls a milestone: marks in the curves, too."
    reached = over_range(series("reporter_run_milestone_time_seconds", THIS))
    return rows(
        About("milestones", "Milestones", says, "string", 6, _HEIGHT, "No milestone was reached"),
        Query(f"{highest('milestone', reached)} * 1000"),
        then=shaping.chosen({"Value": "Reached", "milestone": "Milestone"}),
        columns={"Reached": looks.properties(unit="dateTimeAsIso", custom__width=160)},
        sorted_by=("Reached", False),
    )


def _tags() -> Panel:
    says = "What the run is filed under."
    return rows(
        About("tags", "Tags", says, "string", 4, _HEIGHT, "The run has no tag"),
        Query(_as_now(series("reporter_run_tag_info", THIS), "tag, value")),
        then=shaping.chosen({"tag": "Tag", "value": "Value"}),
        sorted_by=("Tag", False),
    )


def _as_now(selector: str, labels: str) -> str:
    """What was before is shown only of a run that has left the gateway."""
    before = highest(labels, over_range(selector))
    gone = f"({before} unless on () {series('reporter_run_state', THIS)})"
    return f"{highest(labels, selector)} or {gone}"
