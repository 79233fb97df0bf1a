"""Runs beside each other in curves: by step, by elapsed time, by time of day, one over another."""

from __future__ import annotations

from dataclasses import replace

from grafana.build import asked, looks, shaping
from grafana.build.panels import About, Panel, Query, against, lines
from grafana.build.promql import NEWEST, ONE, OTHER, chosen_metric, highest, series

_NO_METRIC = "No chosen run reports this metric"
_METRIC = chosen_metric(NEWEST)
_A, _B = chosen_metric(ONE), chosen_metric(OTHER)
_MOVED = f"avg({_B} offset ${{shift}}s)"
_ELAPSED = "time since the start"

_BY_STEP = About(
    "by step",
    "$metric by step",
    "The chosen metric against the training step. Prometheus sees a run at each scrape: the steps"
    " between two scrapes are not here, but in the run's own record."
    f" Of the {asked.CURVES} runs that started last.",
    "short",
    24,
    11,
    "No chosen run reports this metric and a step",
)
_BY_ELAPSED = About(
    "by elapsed time",
    "$metric by elapsed time",
    "The chosen metric against the time since each run's start, for as long as it ran."
    f" Of the {asked.CURVES} runs that started last.",
    "short",
    12,
    10,
    _NO_METRIC,
)
_BY_WALL_TIME = replace(
    _BY_ELAPSED,
    key="by wall time",
    title="$metric by time of day",
    says="The chosen metric when it was reported, for as long as each run ran."
    f" Of the {asked.CURVES} runs that started last.",
)
_OVERLAY = About(
    "overlay",
    "Run A, and run B as if it had started with it",
    "The chosen metric of both runs. Run B is moved in time so that both start together.",
    "short",
    12,
    9,
    _NO_METRIC,
)
_DIFFERENCE = replace(
    _OVERLAY,
    key="difference",
    title="Run A less run B",
    says="The chosen metric of run A less that of run B at the same time since their starts. Below"
    " 0, run A has the lower value.",
)


def of_all() -> list[Panel]:
    step = highest("run", series("reporter_run_step", NEWEST))
    started = highest("run", series("reporter_run_start_time_seconds", NEWEST))
    return [
        _against(_BY_STEP, f"floor({step} / $bucket) * $bucket", "step", "none"),
        _against(_BY_ELAPSED, f"round(time() - {started}, 10)", _ELAPSED, "s"),
        lines(_BY_WALL_TIME, Query(asked.curves(_curve()), "{{shown}}"), by_run=True),
    ]


def of_two() -> list[Panel]:
    run_a = Query(asked.while_it_runs(f"avg({_A})", ONE), "run A")
    difference = asked.while_it_runs(f"avg({_A}) - {_MOVED}", ONE)
    zero: looks.Steps = ((None, "text"), (0, "text"))
    return [
        lines(_OVERLAY, run_a, Query(_MOVED, "run B, moved")),
        lines(_DIFFERENCE, Query(difference, "A - B"), steps=zero),
    ]


def _curve() -> str:
    """The chosen metric, once for each run, for as long as it ran."""
    return asked.while_running(f"avg by (run) ({_METRIC})", NEWEST)


def _against(about: About, x: str, name: str, unit: str) -> Panel:
    """Both queries have the same series: each point has an x and a y."""
    return against(
        about,
        name,
        Query(asked.curves(f"({x}) and on (run) {_curve()}")),
        Query(asked.curves(f"{_curve()} and on (run) ({x})")),
        then=shaping.curves(asked.SHOWN, name),
        x_unit=unit,
        by_run=True,
    )
