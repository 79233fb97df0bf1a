"""What can be chosen at the top of a dashboard."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from grafana.build import asked
from grafana.build.panels import SOURCE
from grafana.build.promql import CHOSEN, any_metric, series

OLDEST_FIRST = models.VariableSort.ALPHABETICAL_ASC
NEWEST_FIRST = models.VariableSort.ALPHABETICAL_DESC
BY_NUMBER = models.VariableSort.NUMERICAL_ASC
EVERY = ".+"
OF_PROJECT = 'project=~"$project"'


def datasource() -> builders.DatasourceVariable:
    """Named so that no import renames it."""
    variable = builders.DatasourceVariable("datasource").label("Data source")
    return variable.type("prometheus").current(models.VariableOption(text="", value=""))


def labels_of(
    name: str, label: str, selector: str, of: str, *, sort: models.VariableSort = NEWEST_FIRST
) -> builders.QueryVariable:
    """The values that a label has."""
    query = f"label_values({selector}, {of})"
    variable = builders.QueryVariable(name).label(label).definition(query).datasource(SOURCE)
    variable = variable.query({"query": query, "refId": f"variable-{name}", "qryType": 1})
    return variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(sort)


def every(variable: builders.QueryVariable) -> builders.QueryVariable:
    """Several can be chosen; all of them at first."""
    chosen = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(EVERY).current(chosen)


def first(variable: builders.QueryVariable, value: str) -> builders.QueryVariable:
    """What is chosen at first, where there is such a value."""
    return variable.current(models.VariableOption(selected=True, text=value, value=value))


def project() -> builders.QueryVariable:
    info = series("reporter_run_info")
    return every(labels_of("project", "Project", info, "project", sort=OLDEST_FIRST))


def run(name: str = "run", label: str = "Run") -> builders.QueryVariable:
    """The ids sort by time: the newest run stands first."""
    return labels_of(name, label, series("reporter_run_info", OF_PROJECT), "run")


def metric(selected: str) -> builders.QueryVariable:
    every_name = any_metric(EVERY, selected)
    return labels_of("metric", "Metric", every_name, "metric_name", sort=OLDEST_FIRST)


def choice(name: str, label: str, options: dict[str, str]) -> builders.CustomVariable:
    """One of a few; the first of them at first."""
    text, value = next(iter(options.items()))
    told = ",".join(f"{shown} : {meant}" for shown, meant in options.items())
    current = models.VariableOption(selected=True, text=text, value=value)
    return builders.CustomVariable(name).label(label).values(told).current(current)


def newest() -> builders.QueryVariable:
    """The ids of the chosen runs that started last, for curves; nobody chooses among them.

    Their names go into every selector: to ask for all runs and then take some takes seconds where
    a gateway keeps hundreds. So "All" is just these, and has no pattern of its own.
    """
    variable = _found_by("newest", "Newest", asked.newest(CHOSEN), r'/run="([^"]+)"/')
    chosen = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).sort(NEWEST_FIRST).current(chosen)


def shift(name: str, one: str, other: str) -> builders.QueryVariable:
    """How many seconds later the one run started than the other; 1 where it is none at all.

    An offset of 0 s is an error in some versions of Prometheus, and one of nothing in all.
    """
    first_start, other_start = (
        f"max(last_over_time({series('reporter_run_start_time_seconds', run)}[$__range]))"
        for run in (one, other)
    )
    seconds = f"round({first_start} - {other_start})"
    told = f"{seconds} + ({seconds} == bool 0) or vector(1)"
    return _found_by(name, "Shift", told, r"/\{.*\} (-?[0-9.]+) /")


def _found_by(name: str, label: str, promql: str, taken: str) -> builders.QueryVariable:
    """Nobody sees it: what the pattern takes from what the query finds."""
    query = f"query_result({promql})"
    variable = builders.QueryVariable(name).label(label).definition(query).datasource(SOURCE)
    variable = variable.query({"query": query, "refId": f"variable-{name}", "qryType": 3})
    variable = variable.regex(taken).hide(models.VariableHide.HIDE_VARIABLE)
    return variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
