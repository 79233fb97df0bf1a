"""What one sees first of a run: how it stands, how far it is, how long it will take."""

from __future__ import annotations

from typing import NamedTuple

from grafana.build import asked, looks
from grafana.build.panels import About, Panel, Query, number, timeline
from grafana.build.promql import RANGE, THIS, highest, metric, over_range, series
from grafana.build.states import state, state_in_range

_NOTHING = "-"


class Number(NamedTuple):
    """One large number."""

    key: str
    title: str
    says: str
    unit: str
    expression: str
    empty: str = _NOTHING
    decimals: int | None = 0


_LOSS = metric("loss", THIS)
_NUMBERS = (
    Number(
        "progress",
        "Progress",
        "The share of the training that is done. It is 100 % only once the run has succeeded.",
        "percentunit",
        f"max({asked.progress(THIS)})",
        "not known",
        1,
    ),
    Number(
        "time left",
        "Time left",
        "Until the training is done, at the pace of the last half hour. Only while its step moves.",
        "s",
        f"max({asked.time_left(THIS)})",
        decimals=1,
    ),
    Number(
        "duration",
        "Duration",
        "From the start to the end or, without one, to the last push.",
        "s",
        f"max({asked.duration(THIS)})",
        decimals=1,
    ),
    Number(
        "last push",
        "Last push",
        "How long ago the run told its newest values. While it runs this is a few seconds.",
        "s",
        f"max({asked.push_age(THIS)})",
        decimals=1,
    ),
    Number(
        "step",
        "Step",
        "The newest training step of any rank.",
        "none",
        f"max({asked.known('reporter_run_step', THIS)})",
    ),
    Number(
        "newest loss",
        "Loss",
        "The newest value of the metric `loss`, the mean over the ranks.",
        "short",
        f"avg({over_range(_LOSS)})",
        decimals=4,
    ),
    Number(
        "lowest loss",
        "Lowest loss",
        "The lowest value of the metric `loss` that was seen in the time range.",
        "short",
        f"min(min_over_time({_LOSS}[{RANGE}]))",
        decimals=4,
    ),
)
_HOW_IT_STANDS = (
    "How the run stands; with several ranks, how the worst of them does. `stalled`: it pushes, and"
    " its step stands still. `lost`: it said that it runs, and no longer pushes."
)
_HOW_IT_STOOD = "How the run stood; with several ranks, how the worst of them did."
_STAGES = "What the training code called what it was doing, such as warm-up or evaluation."


def panels() -> list[Panel]:
    return [_state(), *(_number(told) for told in _NUMBERS), _states(), _stages()]


def _state() -> Panel:
    return number(
        About("state", "State", _HOW_IT_STANDS, "none", 3, 4, "none in this time range"),
        Query(f"max({state_in_range(THIS)})", "state"),
        background=True,
        mapping=looks.state_mapping(),
    )


def _number(told: Number) -> Panel:
    about = About(told.key, told.title, told.says, told.unit, 3, 4, told.empty, told.decimals)
    return number(about, Query(told.expression, told.title.lower()))


def _states() -> Panel:
    about = About("states", "State over time", _HOW_IT_STOOD, "none", 12, 4)
    return timeline(about, Query(state(THIS), "state"), looks.state_mapping())


def _stages() -> Panel:
    stage = highest("stage", series("reporter_run_stage_info", THIS))
    about = About("stages", "Stages", _STAGES, "none", 12, 4, "The run named no stage")
    told = Query(asked.while_it_runs(stage, THIS), "{{stage}}")
    return timeline(about, told)
