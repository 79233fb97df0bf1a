"""For each rule of the lint: what breaks it. Each takes a sound dashboard and spoils it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana.lint import reading

Dashboard = dict[str, Any]
Spoil = Callable[[Dashboard], None]


def _set(key: str, value: Any) -> Spoil:
    """The dashboard itself has this."""
    return lambda dashboard: dashboard.update({key: value})


def _panel(type_: str = "timeseries", **told: Any) -> Spoil:
    """The first panel of that type has this."""
    return lambda dashboard: _first_panel(dashboard, type_).update(told)


def _target(type_: str = "timeseries", **told: Any) -> Spoil:
    """The first query of the first panel of that type has this."""
    return lambda dashboard: _first_panel(dashboard, type_)["targets"][0].update(told)


def _asks(expression: str) -> Spoil:
    return _target(expr=expression)


def _variable(named: str, /, **told: Any) -> Spoil:
    def spoil(dashboard: Dashboard) -> None:
        (found,) = (each for each in reading.variables(dashboard) if each["name"] == named)
        found.update(told)

    return spoil


def _default(key: str, value: Any, type_: str = "timeseries") -> Spoil:
    """A default of the first panel's fields is this."""

    def spoil(dashboard: Dashboard) -> None:
        _first_panel(dashboard, type_)["fieldConfig"]["defaults"][key] = value

    return spoil


def _asked_as(query: str) -> Spoil:
    return _variable("run", query={"query": query, "refId": "variable"})


def _annotation(**told: Any) -> Spoil:
    return lambda dashboard: dashboard["annotations"]["list"][0].update(told)


def _more_variables(*names: str) -> Spoil:
    def spoil(dashboard: Dashboard) -> None:
        more = [{"name": name, "type": "custom", "query": "a,b"} for name in names]
        dashboard["templating"]["list"] += more

    return spoil


def _same_ids(dashboard: Dashboard) -> None:
    first, second, *_ = reading.panels(dashboard)
    second["id"] = first["id"]


def _one_over_another(dashboard: Dashboard) -> None:
    first, second, *_ = reading.panels(dashboard)
    second["gridPos"] = dict(first["gridPos"])


def _two_named_alike(dashboard: Dashboard) -> None:
    panel = _first_panel(dashboard, "table")
    panel["targets"] = [panel["targets"][0]] * 2


def _one_colour(dashboard: Dashboard) -> None:
    (mapping,) = _first_panel(dashboard, "state-timeline")["fieldConfig"]["defaults"]["mappings"]
    for result in mapping["options"].values():
        result["color"] = "blue"


def _state_forgotten(dashboard: Dashboard) -> None:
    (mapping,) = _first_panel(dashboard, "state-timeline")["fieldConfig"]["defaults"]["mappings"]
    del mapping["options"]["6"]


def _first_panel(dashboard: Dashboard, type_: str) -> Dashboard:
    return next(panel for panel in reading.panels(dashboard) if panel["type"] == type_)


RUN = 'run=~"$run"'
BROKEN: dict[str, list[Spoil]] = {
    "template-datasource-rule": [
        _variable("datasource", name="prometheus"),
        _variable("datasource", label="Source"),
        _variable("datasource", type="custom"),
    ],
    "template-label-promql-rule": [
        _asked_as("reporter_run_info"),
        _asked_as("label_values(reporter_run_info{, run)"),
        _asked_as("query_result(max by (reporter_run_info))"),
    ],
    "template-on-time-change-reload-rule": [_variable("run", refresh=1)],
    "panel-datasource-rule": [
        _panel(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"})
    ],
    "panel-title-description-rule": [_panel(title=""), _panel(description="")],
    "panel-units-rule": [_default("unit", "furlongs"), _default("unit", "", "stat")],
    "panel-no-targets-rule": [_panel(targets=[])],
    "target-promql-rule": [
        _asks("max by (run) (reporter_run_step{"),
        _asks(f"max(rate(reporter_run_step{{{RUN}}}))"),
        _annotation(expr="max by ("),
    ],
    "target-rate-interval-rule": [
        _asks(f"max(rate(reporter_run_step{{{RUN}}}[5m]))"),
        _asks(f"max(max_over_time(reporter_run_step{{{RUN}}}[$__rate_interval]))"),
    ],
    "target-counter-agg-rule": [_asks(f"max(reporter_steps_total{{{RUN}}})")],
    "uneditable-dashboard": [_set("editable", True)],
    "no-inputs": [_set("__inputs", []), _set("id", 7), _set("title", "${DS_PROMETHEUS}")],
    "one-datasource": [
        _target(datasource={"type": "prometheus", "uid": "prometheus"}),
        _variable("run", datasource=None),
        _annotation(datasource={"type": "prometheus", "uid": "prometheus"}),
    ],
    "uid": [_set("uid", ""), _set("uid", "a b c d e f g"), _set("uid", "x" * 41)],
    "panel-ids": [_panel(id=None), _same_ids],
    "layout": [_panel(gridPos={"x": 20, "y": 500, "w": 8, "h": 8}), _one_over_another],
    "ref-ids": [_two_named_alike, _target(refId="")],
    "panel-types": [
        _panel(type="graph"),
        _panel(type="gauge"),
        _panel("table", transformations=[{"id": "transpose", "options": {}}]),
    ],
    "plugin-version": [_panel(pluginVersion=""), _panel(pluginVersion="10.4.0")],
    "variables-exist": [
        _asks('max(reporter_run_step{run="$runs"})'),
        _panel(title="Loss of ${name}"),
        _asked_as('label_values(reporter_run_info{project="$team"}, run)'),
    ],
    "variables-used": [_more_variables("unused")],
    "all-value": [_variable("project", allValue=None)],
    "known-families": [
        _asks(f"max(reporter_run_steppe{{{RUN}}})"),
        _asks(f'max({{__name__=~"node_.+", {RUN}}})'),
        _asks(f"max(reporter_push_gateway_metric_loss{{{RUN}}})"),
        _asked_as("label_values(reporter_run_facts, run)"),
    ],
    "known-labels": [
        _asks(f'max(reporter_run_step{{{RUN}, project="p"}})'),
        _asks(f'max(reporter_gpu_power_watts{{{RUN}, device="0"}})'),
    ],
    "run-in-every-selector": [
        _asks("max(reporter_run_step)"),
        _asks(f"max(reporter_run_step{{{RUN}}}) - max(reporter_run_steps)"),
    ],
    "curves-of-few-runs": [
        _asks('max(reporter_run_info{project="$project"})'),
        _variable("run", allValue=".+"),
    ],
    "no-job": [
        _asks(f'max(reporter_run_step{{{RUN}, job="reporter_pod_info"}})'),
        _asks(f"max by (run, instance) (reporter_run_step{{{RUN}}})"),
        _asks(f"max(reporter_run_step{{{RUN}}} / on (job, run) reporter_run_steps{{{RUN}}})"),
        _asks(f"max(reporter_run_step{{{RUN}}} or ignoring (exported_job) reporter_run_steps)"),
    ],
    "aggregated": [
        _asks(f"reporter_run_step{{{RUN}}}"),
        _asks(f"max without (rank) (reporter_run_step{{{RUN}}})"),
    ],
    "legends": [_target(legendFormat="__auto"), _target("bargauge", legendFormat="__auto")],
    "no-groups-of-patterns": [
        _asks(
            f'label_replace(max by (run) (reporter_run_step{{{RUN}}}), "x", "$1", "run", "(.).*")'
        )
    ],
    "step-of-the-source": [_target(interval="15s")],
    "instant-or-range": [_target(instant=True), _target("table", instant=False)],
    "empty-told": [_default("noValue", "")],
    "states-coloured": [_one_colour, _state_forgotten],
}
