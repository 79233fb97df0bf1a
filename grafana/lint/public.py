"""The rules of github.com/grafana/dashboard-linter, by their names there."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
from promql_parser import MatrixSelector

from grafana.lint import reading
from grafana.lint.findings import Dashboard, Found, Rule

_ASKS = re.compile(r"^(label_values|label_names|metrics|query_result)\((.*)\)$")
_TITLED = {"stat", "timeseries", "gauge", "bargauge", "table", "trend", "xychart", "state-timeline"}
_UNITS = {
    "none", "string", "short", "percent", "percentunit", "s", "ms", "bytes", "Bps", "celsius",
    "watt", "sci", "dateTimeAsIso", "dateTimeAsLocal",
}  # fmt: skip
_RATES = {"rate", "irate"}
_COUNTED = {"rate", "irate", "increase"}


def template_datasource(dashboard: Dashboard) -> Found:
    found = [each for each in reading.variables(dashboard) if each["type"] == "datasource"]
    if not found:
        yield "variables", "no variable of type datasource"
    for variable in found:
        if variable["name"] not in {"datasource", "prometheus_datasource"}:
            yield variable["name"], "the data source's variable is named `datasource`"
        if variable.get("label") != "Data source":
            yield variable["name"], "its label is `Data source`"


def template_label_promql(dashboard: Dashboard) -> Found:
    for variable in _queried(dashboard):
        asked = _ASKS.match(reading.query_of(variable))
        if asked is None:
            yield variable["name"], "asks for none of labels, metrics and a query's result"
            continue
        promql = asked[2]
        if asked[1] == "label_values":
            promql = promql.rpartition(",")[0] or "up"
        problem = _problem(promql, dashboard)
        if problem:
            yield variable["name"], problem


def template_on_time_change_reload(dashboard: Dashboard) -> Found:
    for variable in _queried(dashboard):
        if variable.get("refresh") != 2:
            yield variable["name"], "is not asked again when the time range changes"


def panel_datasource(dashboard: Dashboard) -> Found:
    for panel in reading.panels(dashboard):
        if not _is_variable(panel.get("datasource")):
            yield panel.get("title", ""), "its data source is not the variable"


def panel_title_description(dashboard: Dashboard) -> Found:
    for panel in reading.panels(dashboard):
        if panel["type"] in _TITLED and not (panel.get("title") and panel.get("description")):
            yield panel.get("title", ""), "needs a title and a description"


def panel_units(dashboard: Dashboard) -> Found:
    for panel in reading.panels(dashboard):
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
        if unit not in _UNITS and not unit.startswith("suffix:"):
            yield panel.get("title", ""), f"{unit!r} is no unit of Grafana's"


def panel_no_targets(dashboard: Dashboard) -> Found:
    for panel in reading.panels(dashboard):
        if panel["type"] != "text" and not panel.get("targets"):
            yield panel.get("title", ""), "asks for nothing"


def target_promql(dashboard: Dashboard) -> Found:
    for where, expression in reading.expressions(dashboard):
        problem = _problem(expression, dashboard)
        if problem:
            yield where, problem


def target_rate_interval(dashboard: Dashboard) -> Found:
    for where, tree in reading.trees(dashboard):
        for call in reading.calls(tree):
            for argument in call.args:
                windows = isinstance(argument, MatrixSelector)
                asked = windows and _seconds(argument) == _seconds_of(reading.SENTINEL)
                if windows and call.func.name in _RATES and not asked:
                    yield where, f"{call.func.name} is not over $__rate_interval"
                if asked and call.func.name not in _COUNTED:
                    yield where, f"{call.func.name} is over $__rate_interval"


def target_counter_agg(dashboard: Dashboard) -> Found:
    for where, tree in reading.trees(dashboard):
        counters = [each for each in reading.selectors(tree) if _is_counter(each)]
        rated = [
            argument
            for call in reading.calls(tree)
            if call.func.name in _COUNTED
            for argument in call.args
            if isinstance(argument, MatrixSelector) and _is_counter(argument.vector_selector)
        ]
        if len(counters) > len(rated):
            yield where, "a counter stands outside rate, irate and increase"


def uneditable(dashboard: Dashboard) -> Found:
    if dashboard.get("editable") is not False:
        yield "dashboard", "can be edited, and the next release would undo that"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable,
}


def _queried(dashboard: Dashboard) -> list[dict[str, Any]]:
    return [each for each in reading.variables(dashboard) if each["type"] == "query"]


def _is_variable(source: Any) -> bool:
    return isinstance(source, dict) and source.get("uid") in {"$datasource", "${datasource}"}


def _problem(promql: str, dashboard: Dashboard) -> str:
    """What the parser says against it."""
    try:
        reading.parsed(promql, dashboard)
    except ValueError as error:
        return f"is no PromQL: {error}"
    return ""


def _seconds(selector: MatrixSelector) -> float:
    return float(selector.range.total_seconds())


def _seconds_of(duration: str) -> float:
    return promql_parser.parse_duration(duration).total_seconds()


def _is_counter(selector: Any) -> bool:
    return str(selector.name or "").endswith("_total")
