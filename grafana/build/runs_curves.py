"""The curves of all runs: how they learn, how fast they go, what they use, how they report."""

from __future__ import annotations

from typing import NamedTuple

from grafana.build import asked, looks
from grafana.build.panels import About, Panel, Query, lines
from grafana.build.promql import NEWEST, PUSH_TIME, chosen_metric, highest, metric, once, series
from reporter.names import State

_SAID = f" Of the {asked.CURVES} runs that started last."
_SHARE = (0.0, 1.0)
_NO_RUN = "No run in this time range"
_NO_GPU = "No run tells of a GPU: run-reporter[gpu] does"
_NO_MACHINE = "No run tells of its machine"
_NEARLY_FULL: looks.Steps = ((None, "green"), (0.95, "red"))
_STARVED: looks.Steps = ((None, "green"), (0.2, "orange"))


class Curve(NamedTuple):
    """One panel with a curve for each run."""

    key: str
    title: str
    says: str
    unit: str
    expression: str
    empty: str = _NO_RUN
    limits: tuple[float | None, float | None] = (0.0, None)
    steps: looks.Steps = ()
    at_least: float | None = None  # what the axis reaches to


_ANY = (None, None)
_CORES = "reporter_process_cpu_ratio"
_LEARNING = (
    Curve(
        "loss",
        "Loss",
        "The metric `loss` of each run, the mean over its ranks.",
        "short",
        f"avg by (run) ({metric('loss', NEWEST)})",
        "No run reports a metric `loss`",
        _ANY,
    ),
    Curve(
        "metric",
        "Metric $metric",
        "The metric chosen above, of each run, the mean over its ranks.",
        "short",
        f"avg by (run) ({chosen_metric(NEWEST)})",
        "No run reports this metric",
        _ANY,
    ),
)
_SPEED = (
    Curve(
        "steps",
        "Steps per second",
        "How fast the step of each run moves. A line at 0 is a run that stands still.",
        "suffix:/s",
        asked.steps_per_second(NEWEST),
        "No run reports steps",
    ),
    Curve(
        "samples",
        "Samples per second",
        "Training samples that all ranks of a run work through in a second, as its framework"
        " counts them.",
        "suffix:/s",
        asked.rate("reporter_samples_total", NEWEST),
        "No run counts its samples: integrations do",
    ),
    Curve(
        "waiting",
        "Waiting for data",
        "The share of training time in which a run waits for its data. Above the line it is"
        " worth while to load data faster.",
        "percentunit",
        asked.data_share(NEWEST),
        "No run tells where its steps' time goes: integrations do",
        _SHARE,
        _STARVED,
    ),
)
_HARDWARE = (
    Curve(
        "gpu",
        "GPUs busy",
        "The share of time that a run's GPUs were busy, their mean.",
        "percentunit",
        f"avg by (run) ({series('reporter_gpu_utilization_ratio', NEWEST)})",
        _NO_GPU,
        _SHARE,
    ),
    Curve(
        "gpu memory",
        "GPU memory, fullest GPU",
        "How full the fullest GPU of each run is. At 100 % the run fails.",
        "percentunit",
        asked.memory_share(asked.GPU_MEMORY, NEWEST),
        _NO_GPU,
        _SHARE,
        _NEARLY_FULL,
    ),
    Curve(
        "cores",
        "Cores in use",
        "Processor cores that a run's training processes use, all ranks together.",
        "suffix:cores",
        f"sum by (run) ({once(_CORES, series(_CORES, NEWEST))})",
        _NO_MACHINE,
    ),
    Curve(
        "memory",
        "Machine's memory, fullest machine",
        "How full the memory of the fullest machine of each run is, or its limit where that is"
        " tighter. At 100 % the system kills the run.",
        "percentunit",
        asked.memory_share(asked.HOST_MEMORY, NEWEST),
        _NO_MACHINE,
        _SHARE,
        _NEARLY_FULL,
    ),
)
_PUSHED = highest("run", series(PUSH_TIME, NEWEST))
_SAYS_RUNNING = f"({highest('run', series('reporter_run_state', NEWEST))} == {State.RUNNING:d})"
_REPORTING = (
    Curve(
        "push age",
        "Time since the last push",
        "How long ago each run pushed last, of runs that have not said that they ended. It should"
        " stay below a few intervals.",
        "s",
        f"(time() - {_PUSHED}) and on (run) {_SAYS_RUNNING}",
    ),
    Curve(
        "push time",
        "Time that a push takes",
        "How long the gateway took for the last push of each run, its slowest rank.",
        "s",
        highest("run", series("reporter_push_seconds", NEWEST)),
    ),
    Curve(
        "push failures",
        "Failed pushes",
        "Pushes that did not arrive, for each second. They are tried again until they do.",
        "suffix:/s",
        asked.rate("reporter_push_failures_total", NEWEST),
        at_least=1,
    ),
    Curve(
        "dropped",
        "Dropped reports",
        "Reports that were lost on the way, for each second, whatever the reason. The dashboard"
        " of a run tells the reasons.",
        "suffix:/s",
        asked.rate("reporter_dropped_total", NEWEST),
        "No run has lost anything",
        at_least=1,
    ),
)


def learning() -> list[Panel]:
    return [_while_running(curve, 12, 11) for curve in _LEARNING]


def speed() -> list[Panel]:
    return [_while_running(curve, 8, 9) for curve in _SPEED] + [
        _while_running(curve, 12, 9) for curve in _HARDWARE
    ]


def reporting() -> list[Panel]:
    return [_drawn(curve, 12, 8) for curve in _REPORTING]


def _while_running(curve: Curve, width: int, height: int) -> Panel:
    expression = asked.while_running(curve.expression, NEWEST)
    return _drawn(curve._replace(expression=expression), width, height)


def _drawn(curve: Curve, width: int, height: int) -> Panel:
    """Of the runs that started last: more cannot be told apart."""
    says, (lowest, highest_shown) = curve.says + _SAID, curve.limits
    about = About(
        curve.key,
        curve.title,
        says,
        curve.unit,
        width,
        height,
        curve.empty,
        None,
        lowest,
        highest_shown,
    )
    told = Query(asked.curves(curve.expression), "{{shown}}")
    return lines(about, told, steps=curve.steps, at_least=curve.at_least, by_run=True)
