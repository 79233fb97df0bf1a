"""How fast a run goes, and where the time of its steps goes, by rank."""

from __future__ import annotations

from grafana.build import asked, looks
from grafana.build.panels import About, Panel, Query, lines
from grafana.build.promql import RANKS, THIS, highest, series
from reporter.names import PHASES

_NO_STEP = "The run reports no step"
_NO_SPEED = "Nothing tells where the steps' time goes: integrations do"
_COLOURS = ("orange", "blue", "purple", "green", "#8e8e8e")
_PHASE_COLOURS = {
    f"^{phase}$": looks.properties(color={"mode": "fixed", "fixedColor": colour})
    for phase, colour in zip(PHASES, _COLOURS, strict=True)
}
_STEPS = About(
    "steps",
    "Steps per second",
    "How fast the step moves. 0 is a standstill.",
    "suffix:/s",
    8,
    8,
    _NO_STEP,
    lowest=0,
)
_SAMPLES = About(
    "samples",
    "Samples per second",
    "Training samples that all ranks work through in a second, as the framework counts them.",
    "suffix:/s",
    8,
    8,
    "Nothing counts the samples: integrations do",
    lowest=0,
)
_STEP_TIME = About(
    "step time", "Time per step", "How long one step takes, by rank.", "s", 8, 8, _NO_STEP, lowest=0
)
_PHASES = About(
    "phases",
    "Where a step's time goes",
    "The share of training time that goes into each phase. `data` is waiting for data, `compute`"
    " is training.",
    "percentunit",
    12,
    9,
    _NO_SPEED,
    lowest=0,
    highest=1,
)
_STRAGGLERS = About(
    "stragglers",
    "Slower than the fastest rank",
    "The time that each rank takes for a step, against the fastest rank. 1.2 is a fifth more, and"
    " all others wait for it.",
    "suffix:times",
    6,
    9,
    _NO_STEP,
    decimals=2,
)
_WAITING = About(
    "waiting",
    "Waiting for data",
    "The share of its training time in which each rank waits for data. Above the line it is worth"
    " while to load data faster.",
    "percentunit",
    6,
    9,
    _NO_SPEED,
    lowest=0,
    highest=1,
)


def panels() -> list[Panel]:
    interval = highest("rank", series("reporter_run_step_interval_seconds", THIS, RANKS))
    samples = asked.rate("reporter_samples_total", THIS)
    too_much: looks.Steps = ((None, "green"), (0.2, "orange"))
    too_slow: looks.Steps = ((None, "green"), (1.2, "orange"))
    waiting = asked.data_share(THIS, RANKS, by="rank")
    return [
        lines(_STEPS, _going(asked.steps_per_second(THIS), "steps per second")),
        lines(_SAMPLES, _going(samples, "samples per second")),
        lines(_STEP_TIME, _going(interval, "rank {{rank}}")),
        lines(_PHASES, Query(_shares(), "{{phase}}"), stacked=True, overrides=_PHASE_COLOURS),
        lines(_STRAGGLERS, _going(_slower(), "rank {{rank}}"), steps=too_slow),
        lines(_WAITING, _going(waiting, "rank {{rank}}"), steps=too_much),
    ]


def _going(expression: str, legend: str) -> Query:
    return Query(asked.while_it_runs(expression, THIS), legend)


def _shares() -> str:
    spent = asked.rate("reporter_step_seconds_total", THIS, by="phase")
    whole = asked.rate("reporter_step_seconds_total", THIS)
    return f"{spent} / on () group_left () (sum({whole}) > 0)"


def _slower() -> str:
    """Ranks wait for each other: the slowest sets the pace of all."""
    spent = asked.rate("reporter_step_seconds_total", THIS, by="rank")
    steps = asked.rate("reporter_steps_total", THIS, by="rank")
    interval = highest("rank", series("reporter_run_step_interval_seconds", THIS))
    each = f"({spent} / ({steps} > 0) or {interval})"
    chosen = highest("rank", series("reporter_run_state", THIS, RANKS))
    return f"{each} / on () group_left () min({each}) and on (rank) {chosen}"
