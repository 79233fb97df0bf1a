"""How a run learns: its metrics by time and by step."""

from __future__ import annotations

from dataclasses import replace

from grafana.build import asked, looks, shaping
from grafana.build.panels import About, Panel, Query, against, lines, number
from grafana.build.promql import THIS, any_metric, highest, once, over_range, series
from reporter.names import RESERVED_METRICS

_LOSSES = any_metric(".*([lL]oss|LOSS).*", THIS)
_RATES = any_metric(".*(learning_rate|lr).*", THIS)
# Each of these either has a panel of its own or is no curve to look at.
_NO_CURVES = "|".join(name for name in RESERVED_METRICS if name not in {"loss", "accuracy"})
_OTHERS = any_metric("$metric", THIS, f'metric_name!~"{_NO_CURVES}"')

_LOSS = About(
    "loss",
    "Loss",
    "Every metric with `loss` in its name, the mean over the ranks.",
    "short",
    12,
    9,
    "The run reports no loss",
)
_BY_STEP = About(
    "loss by step",
    "Loss by step",
    "The same against the training step. Prometheus sees a run at each scrape: the steps between"
    " two scrapes are not here, but in the run's own record.",
    "short",
    12,
    9,
    "The run reports no loss, or no step",
)
_METRICS = replace(
    _LOSS,
    key="metrics",
    title="Metrics",
    says="The metrics chosen above, the mean over the ranks.",
    empty="The run reports no such metric",
)
_RATE = About(
    "learning rate",
    "Learning rate",
    "The learning rate, on a logarithmic scale.",
    "sci",
    8,
    9,
    "The run reports no learning rate",
    2,
)
_NOT_FINITE = About(
    "not finite",
    "NaN or infinite",
    "How many values the run has reported that are no numbers or infinite. Training seldom"
    " recovers from one in the loss.",
    "none",
    4,
    9,
    decimals=0,
)


def panels() -> list[Panel]:
    return [
        lines(_LOSS, _by_name(_LOSSES)),
        _by_step(),
        lines(_METRICS, _by_name(_OTHERS)),
        lines(_RATE, _by_name(_RATES), logarithmic=True),
        _not_finite(),
    ]


def _by_name(selector: str) -> Query:
    told = asked.while_it_runs(f"avg by (metric_name) ({selector})", THIS)
    return Query(told, "{{metric_name}}")


def _by_step() -> Panel:
    step = highest("run", series("reporter_run_step", THIS))
    loss = f"avg by (run, metric_name) ({_LOSSES})"
    each = f"count by (run, metric_name) ({_LOSSES})"  # also where a loss is no number
    return against(
        _BY_STEP,
        "step",
        Query(f"{step} + on (run) group_right () 0 * {each}"),
        Query(f"{loss} and on (run) {step}"),
        then=shaping.curves("metric_name", "step"),
    )


def _not_finite() -> Panel:
    family = "reporter_nonfinite_total"
    count = f"sum({once(family, over_range(series(family, THIS)))}) or vector(0)"
    return number(_NOT_FINITE, Query(count, "values"), looks.from_one_on("red"))
