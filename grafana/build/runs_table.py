"""The table of all runs."""

from __future__ import annotations

from grafana.build import asked, looks, shaping
from grafana.build.model import UID
from grafana.build.panels import About, Panel, Query, rows
from grafana.build.promql import CHOSEN, metric, over_range
from grafana.build.states import state_in_range

LINK = (
    f'/d/{UID["run"]}?${{datasource:queryparam}}&var-run=${{__data.fields["Run"]}}'
    "&${__url_time_range}"
)
LINKED = [{"title": "Open this run", "url": LINK, "targetBlank": False}]
_SAYS = (
    "Every run that pushed within the time range, also one that has left the gateway since."
    " The name leads to the run. Loss is the newest value of the metric `loss`, the mean over"
    " the ranks; time left is reckoned from the pace of the last half hour."
)
_BAR = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
_BLUE = {"mode": "fixed", "fixedColor": "blue"}
_SHARE = {"unit": "percentunit", "min": 0, "max": 1, "decimals": 0}


def panel() -> Panel:
    about = About("table", "Runs", _SAYS, "short", 24, 10, "No run in this time range")
    return rows(
        about,
        *(Query(asked.seen(expression, CHOSEN)) for expression in _columns()),
        then=shaping.joined("run", _COLUMNS),
        columns=_looks_of_columns(),
        sorted_by=("Last push", False),
    )


def _columns() -> list[str]:
    return [
        asked.facts("run, run_name, project", CHOSEN),
        state_in_range(CHOSEN),
        asked.progress(CHOSEN),
        asked.time_left(CHOSEN),
        f"avg by (run) ({over_range(metric('loss', CHOSEN))})",
        f"{asked.steps_per_second(CHOSEN)} and on (run) {asked.running(CHOSEN)}",
        asked.push_age(CHOSEN),
        asked.duration(CHOSEN),
        asked.why_ended(CHOSEN),
    ]


_COLUMNS = {
    "run_name": "Name",
    "Value #B": "State",
    "Value #C": "Progress",
    "Value #D": "Time left",
    "Value #E": "Loss",
    "Value #F": "Steps per second",
    "Value #G": "Last push",
    "Value #H": "Duration",
    "reason": "Ended by",
    "detail": "Detail",
    "project": "Project",
    "run": "Run",
}


def _looks_of_columns() -> dict[str, looks.Properties]:
    seconds = looks.properties(unit="s", decimals=1, custom__width=115)
    return {
        "Name": looks.properties(links=LINKED, custom__minWidth=150),
        "Run": looks.properties(links=LINKED, custom__minWidth=230),
        "State": looks.state_cell(),
        "Progress": looks.properties(
            **_SHARE, color=_BLUE, custom__cellOptions=_BAR, custom__width=150
        ),
        "Time left": seconds,
        "Loss": looks.properties(decimals=4, custom__width=90),
        "Steps per second": looks.properties(decimals=2, custom__width=155),
        "Last push": seconds,
        "Duration": seconds,
        "Ended by": looks.properties(custom__width=105),
        "Project": looks.properties(custom__width=110),
    }
