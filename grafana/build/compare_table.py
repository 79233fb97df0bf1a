"""Runs beside each other in tables and bars: results, parameters, speed."""

from __future__ import annotations

from grafana.build import asked, looks, shaping
from grafana.build.panels import About, Panel, Query, bars, rows
from grafana.build.promql import (
    CHOSEN,
    RANGE,
    any_parameter,
    chosen_metric,
    once,
    over_range,
    series,
)
from grafana.build.runs_table import LINKED
from grafana.build.states import state_in_range

_METRIC = chosen_metric(CHOSEN)
_NO_METRIC = "No chosen run reports this metric"
_RESULTS = About(
    "table",
    "Results",
    "Best and last value of the chosen metric within the time range, and how far and how fast each"
    " run went. The name leads to the run.",
    "short",
    24,
    9,
    "No run in this time range",
)
_BEST = About(
    "best",
    "Best $metric",
    "The best value of the chosen metric that was seen in the time range. Whether the lowest or"
    " the highest is best is chosen above.",
    "short",
    24,
    7,
    _NO_METRIC,
    decimals=4,
    lowest=0,
)
_DIFFER = About(
    "differ",
    "Parameters that differ",
    "Parameters that the chosen runs do not have in common. An empty cell: the run has no such"
    " parameter.",
    "string",
    24,
    7,
    "The chosen runs have all parameters in common",
)
_PARAMETERS = About(
    "parameters",
    "All parameters",
    "What each run was set to.",
    "string",
    24,
    9,
    "No chosen run reports a parameter",
)
_SAMPLES = About(
    "mean samples",
    "Samples per second, mean",
    "Training samples that each run has worked through, divided by how long it took.",
    "suffix:/s",
    12,
    7,
    "No chosen run counts its samples: integrations do",
    lowest=0,
)
_GPUS = About(
    "mean gpu",
    "GPUs busy, mean",
    "The share of time that the GPUs of each run were busy, over the time range.",
    "percentunit",
    12,
    7,
    "No chosen run tells of a GPU: run-reporter[gpu] does",
    lowest=0,
    highest=1,
)
_COLUMNS = {
    "run_name": "Name",
    "Value #B": "State",
    "Value #C": "Best",
    "Value #D": "Last",
    "Value #E": "Step",
    "Value #F": "Duration",
    "Value #G": "Steps per second",
    "project": "Project",
    "run": "Run",
}
_LOOKS = {
    "Name": looks.properties(links=LINKED, custom__minWidth=150),
    "Run": looks.properties(links=LINKED, custom__minWidth=230),
    "State": looks.state_cell(),
    "Best": looks.properties(decimals=4),
    "Last": looks.properties(decimals=4),
    "Step": looks.properties(unit="none", decimals=0),
    "Duration": looks.properties(unit="s", decimals=1),
    "Steps per second": looks.properties(decimals=2),
}


def results() -> list[Panel]:
    best = asked.named(asked.seen(_best(), CHOSEN), CHOSEN)
    table = rows(
        _RESULTS,
        *(Query(asked.seen(expression, CHOSEN)) for expression in _values()),
        then=shaping.joined("run", _COLUMNS),
        columns=_LOOKS,
        sorted_by=("Best", False),
    )
    return [table, bars(_BEST, Query(f"sort({best})", "{{shown}}"))]


def parameters() -> list[Panel]:
    told = over_range(any_parameter(CHOSEN))
    named = asked.named(f"max by (run, param_name, param_value) ({told})", CHOSEN)
    each = f"max by ({asked.SHOWN}, param_name, param_value) ({named})"
    differ = f"{each} and on (param_name) {_differing(told)}"
    then = shaping.side_by_side(asked.SHOWN, "param_name", "param_value", "Parameter")
    wide = {"Parameter": looks.properties(custom__width=180)}
    return [
        rows(_DIFFER, Query(differ), then=then, columns=wide),
        rows(_PARAMETERS, Query(each), then=then, columns=wide),
    ]


def speed() -> list[Panel]:
    family = "reporter_samples_total"
    counted = once(family, over_range(series(family, CHOSEN)))
    samples = f"sum by (run) ({counted}) / ({asked.duration(CHOSEN)} > 0)"
    busy = series("reporter_gpu_utilization_ratio", CHOSEN)
    return [
        _ranking(_SAMPLES, samples),
        _ranking(_GPUS, f"avg by (run) (avg_over_time({busy}[{RANGE}]))"),
    ]


def _values() -> list[str]:
    step = series("reporter_run_step", CHOSEN)
    took = asked.duration_within_range(CHOSEN)
    return [
        asked.facts("run, run_name, project", CHOSEN),
        state_in_range(CHOSEN),
        _best(),
        f"avg by (run) ({over_range(_METRIC)})",
        asked.known("reporter_run_step", CHOSEN),
        asked.duration(CHOSEN),
        f"max by (run) (increase({step}[{RANGE}])) / ({took} > 0)",
    ]


def _best() -> str:
    return f"$best by (run) (${{best}}_over_time({_METRIC}[{RANGE}]))"


def _differing(told: str) -> str:
    """The parameters that have several values, or that not every run has."""
    values = f"count by (param_name) (count by (param_name, param_value) ({told}))"
    runs = f"count by (param_name) (count by (param_name, run) ({told}))"
    all_runs = f"scalar(count(count by (run) ({told})))"
    return f"({values} > 1 or {runs} < {all_runs})"


def _ranking(about: About, expression: str) -> Panel:
    told = asked.named(asked.seen(expression, CHOSEN), CHOSEN)
    return bars(about, Query(f"sort_desc({told})", "{{shown}}"))
