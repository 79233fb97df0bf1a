"""Our rules: each is what users of other dashboards complained about, or what our names ask for."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from promql_parser import AggModifierType, AggregateExpr, BinaryExpr

from grafana.build.promql import OF_THE_GATEWAY
from grafana.build.states import STALLED
from grafana.lint import reading
from grafana.lint.findings import Dashboard, Found, Rule
from reporter.names import FAMILIES, GROUP_LABELS, METRIC_PREFIX, State

_UID = re.compile(r"^[A-Za-z0-9_-]{8,40}$")
_FAMILY = re.compile(r"\b(?:reporter|push)_[a-z0-9_]+\b")
_SELECTOR = re.compile(r"(?<!\$)\{([^{}]*)\}")
_RUN = re.compile(r'\brun=~?"\$(\w+)"')
# In every Grafana from 10.4 to 13, and drawn the same way.
_TYPES = {
    "row", "stat", "timeseries", "table", "bargauge", "state-timeline", "trend", "xychart", "text",
}  # fmt: skip
_TRANSFORMATIONS = {
    "joinByField", "filterFieldsByName", "organize", "labelsToFields", "merge", "groupingToMatrix",
    "sortBy", "convertFieldType",
}  # fmt: skip
_HONOURED = {"job", "exported_job", "instance"}
_SHARED = {*GROUP_LABELS, "__name__", "push_gateway_type"}
_USERS = {"metric_name", "param_name", "param_value"}
_WIDTH = 24


def no_inputs(dashboard: Dashboard) -> Found:
    """Only the import by hand fills them in: provisioning does not."""
    for key in ("__inputs", "__requires", "__elements", "id", "iteration"):
        if key in dashboard:
            yield "dashboard", f"has {key}"
    if "DS_" in str(dashboard):
        yield "dashboard", "names a data source that only an import by hand knows"


def one_datasource(dashboard: Dashboard) -> Found:
    """Targets, variables and annotations ask the chosen data source, too."""
    asking = [*reading.targets(dashboard)]
    asking += [(each["name"], each) for each in reading.marks(dashboard)]
    queried = [each for each in reading.variables(dashboard) if each["type"] == "query"]
    asking += [(each["name"], each) for each in queried]
    for where, each in asking:
        if (each.get("datasource") or {}).get("uid") != "${datasource}":
            yield where, "does not ask the chosen data source"


def uid(dashboard: Dashboard) -> Found:
    if not _UID.match(str(dashboard.get("uid", ""))):
        yield "dashboard", "its uid is missing, or not what a URL can hold"


def panel_ids(dashboard: Dashboard) -> Found:
    """Links and alerts hang on them."""
    panels = [*reading.panels(dashboard), *_rows(dashboard)]
    counted = Counter(panel.get("id") for panel in panels)
    for panel in panels:
        number = panel.get("id")
        if not isinstance(number, int) or counted[number] > 1:
            yield panel.get("title", ""), "its id is missing, or another's as well"


def layout(dashboard: Dashboard) -> Found:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard.get("panels", []):
        place, title = panel["gridPos"], panel.get("title", "")
        if place["x"] + place["w"] > _WIDTH:
            yield title, "reaches over the edge"
        for cell in _cells(place):
            if taken.setdefault(cell, title) != title:
                yield title, f"lies over {taken[cell]!r}"
                break


def ref_ids(dashboard: Dashboard) -> Found:
    for panel in reading.panels(dashboard):
        refs = [target.get("refId") for target in panel.get("targets", [])]
        if len(set(refs)) != len(refs) or not all(refs):
            yield panel.get("title", ""), "two queries have one name"


def panel_types(dashboard: Dashboard) -> Found:
    for panel in [*reading.panels(dashboard), *_rows(dashboard)]:
        title = panel.get("title", "")
        if panel.get("type") not in _TYPES:
            yield title, f"{panel.get('type')!r} is not drawn alike by Grafana 10.4 to 13"
        for each in panel.get("transformations", []):
            if each["id"] not in _TRANSFORMATIONS:
                yield title, f"{each['id']!r} does not do the same in Grafana 10.4 to 13"


def plugin_version(dashboard: Dashboard) -> Found:
    """Grafana takes a panel without one for what it was before 11.1, and mangles it."""
    for panel in reading.panels(dashboard):
        told = str(panel.get("pluginVersion", "")).split(".")
        if not all(part.isdigit() for part in told) or tuple(map(int, told[:2])) < (11, 1):
            yield panel.get("title", ""), "has no pluginVersion of 11.1 or later"


def variables_exist(dashboard: Dashboard) -> Found:
    """Panels, links, titles and other variables use no variable that is not there."""
    known = {each["name"] for each in reading.variables(dashboard)}
    for key in ("panels", "annotations", "templating", "links"):
        for name in sorted(reading.used(str(dashboard.get(key, ""))) - known):
            yield "dashboard", f"${name} is no variable of it"


def variables_used(dashboard: Dashboard) -> Found:
    for variable in reading.variables(dashboard):
        others = {**dashboard, "templating": [each for each in reading.variables(dashboard)
                                              if each is not variable]}  # fmt: skip
        if variable["name"] not in reading.used(str(others)):
            yield variable["name"], "nothing uses this variable"


def all_value(dashboard: Dashboard) -> Found:
    """Without one, "All" sends the name of every run there is."""
    for variable in reading.variables(dashboard):
        if variable.get("includeAll") and not variable.get("allValue"):
            yield variable["name"], "has no value for all"


def known_families(dashboard: Dashboard) -> Found:
    """Every name is one that the library pushes."""
    for where, tree in reading.trees(dashboard):
        for selector in reading.selectors(tree):
            told = reading.matchers(selector)
            name = selector.name or told.get("__name__", "")
            if name not in FAMILIES and name not in OF_THE_GATEWAY and not _of_users(name, told):
                yield where, f"nobody pushes {name!r}"
    for variable in reading.variables(dashboard):
        for name in _FAMILY.findall(reading.query_of(variable)):
            of_users = name.startswith(METRIC_PREFIX) or name == "push_gateway_type"
            if name not in FAMILIES and name not in OF_THE_GATEWAY and not of_users:
                yield variable["name"], f"nobody pushes {name!r}"


def known_labels(dashboard: Dashboard) -> Found:
    """Every label that is asked for is one of that family's."""
    for where, tree in reading.trees(dashboard):
        for selector in reading.selectors(tree):
            own = FAMILIES[selector.name][0] if selector.name in FAMILIES else ()
            allowed = _SHARED | set(own) | (set() if own else _USERS)
            for label in sorted(set(reading.matchers(selector)) - allowed):
                yield where, f"{selector.name} has no label {label!r}"


def run_in_every_selector(dashboard: Dashboard) -> Found:
    """By `run` everything is told apart: it is the only label that is unique for sure."""
    for where, tree in reading.trees(dashboard):
        for selector in reading.selectors(tree):
            told = reading.matchers(selector)
            if "run" not in told and "project" not in told:
                yield where, f"asks for {selector.name} of all runs"


def curves_of_few_runs(dashboard: Dashboard) -> Found:
    """A gateway keeps hundreds: to ask for all of them at every moment takes seconds."""
    every = {each["name"] for each in reading.variables(dashboard) if each.get("allValue")}
    for where, target in reading.targets(dashboard):
        for told in _SELECTOR.findall("" if target.get("instant") else target.get("expr", "")):
            run = _RUN.search(told)
            if not run or run[1] in every:
                yield where, f"asks for curves of every run: {told}"


def no_job(dashboard: Dashboard) -> Found:
    """What honor_labels renames is neither asked for nor joined on."""
    for where, tree in reading.trees(dashboard):
        named = {label for each in reading.selectors(tree) for label in reading.matchers(each)}
        for node in tree:
            named |= _labels_of(node)
        for label in sorted(named & _HONOURED):
            yield where, f"hangs on `{label}`, which honor_labels renames"


def aggregated(dashboard: Dashboard) -> Found:
    """Outermost is no bare selector: two scrapers of one gateway would show everything twice."""
    for where, tree in reading.trees(dashboard):
        aggregates = [each for each in tree if isinstance(each, AggregateExpr)]
        if not aggregates:
            yield where, "shows what two scrapers see twice"
        for each in aggregates:
            if each.modifier and each.modifier.type == AggModifierType.Without:
                yield where, "aggregates by `without`: labels that scrapers add would stay"


def legends(dashboard: Dashboard) -> Found:
    """Without one, a curve is called by its whole query."""
    for panel in reading.panels(dashboard):
        if panel["type"] in {"table", "trend"}:
            continue
        for target in panel.get("targets", []):
            if target.get("legendFormat", "__auto") == "__auto":
                yield panel.get("title", ""), "its curves have no names"


def no_groups_of_patterns(dashboard: Dashboard) -> Found:
    for where, expression in reading.expressions(dashboard):
        if re.search(r"\$\d", expression):
            yield where, "$1 looks like a variable to Grafana"


def step_of_the_source(dashboard: Dashboard) -> Found:
    """A rate needs four scrapes, and only the data source knows how often those come."""
    for where, target in reading.targets(dashboard):
        if target.get("interval"):
            yield where, "has a smallest step of its own, which hides the data source's"


def instant_or_range(dashboard: Dashboard) -> Found:
    """A table or a number is of now; asking for the whole range would cost as much as a curve."""
    for panel in reading.panels(dashboard):
        now = panel["type"] in {"stat", "table", "bargauge"}
        for target in panel.get("targets", []):
            if now != bool(target.get("instant")):
                yield panel.get("title", ""), "asks for now and draws a range, or the reverse"


def empty_told(dashboard: Dashboard) -> Found:
    """ "No data" does not tell what to do about it."""
    for panel in reading.panels(dashboard):
        if not panel.get("fieldConfig", {}).get("defaults", {}).get("noValue"):
            yield panel.get("title", ""), "does not say why it is empty"


def states_coloured(dashboard: Dashboard) -> Found:
    """Where one state has a word and a colour, each has, and none has another's."""
    codes = {str(int(state)) for state in State} | {str(STALLED)}
    for panel in reading.panels(dashboard):
        for results in _mappings(panel):
            if set(results) == {"1"}:
                continue
            colours = [result.get("color") for result in results.values()]
            if set(results) != codes or None in colours or len(set(colours)) < len(colours):
                yield panel.get("title", ""), "a state has no colour of its own"


RULES: dict[str, Rule] = {
    "no-inputs": no_inputs,
    "one-datasource": one_datasource,
    "uid": uid,
    "panel-ids": panel_ids,
    "layout": layout,
    "ref-ids": ref_ids,
    "panel-types": panel_types,
    "plugin-version": plugin_version,
    "variables-exist": variables_exist,
    "variables-used": variables_used,
    "all-value": all_value,
    "known-families": known_families,
    "known-labels": known_labels,
    "run-in-every-selector": run_in_every_selector,
    "curves-of-few-runs": curves_of_few_runs,
    "no-job": no_job,
    "aggregated": aggregated,
    "legends": legends,
    "no-groups-of-patterns": no_groups_of_patterns,
    "step-of-the-source": step_of_the_source,
    "instant-or-range": instant_or_range,
    "empty-told": empty_told,
    "states-coloured": states_coloured,
}


def _rows(dashboard: Dashboard) -> list[dict[str, Any]]:
    return [panel for panel in dashboard.get("panels", []) if panel["type"] == "row"]


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    across = range(place["x"], place["x"] + place["w"])
    down = range(place["y"], place["y"] + place["h"])
    return [(x, y) for x in across for y in down]


def _of_users(name: str, told: dict[str, str]) -> bool:
    """Whether these are the users' own: by type, and by name or pattern."""
    return name.startswith("reporter_push_gateway_") and "push_gateway_type" in told


def _labels_of(node: Any) -> set[str]:
    """The labels that it joins on or aggregates by."""
    if isinstance(node, AggregateExpr):
        return set(node.modifier.labels) if node.modifier else set()
    if isinstance(node, BinaryExpr) and node.modifier:
        matching = node.modifier.matching
        joined = set(matching.labels) if matching else set()
        return joined | set(node.modifier.group_labels or ())
    return set()


def _mappings(panel: dict[str, Any]) -> list[dict[str, Any]]:
    config = panel.get("fieldConfig", {})
    told = list(config.get("defaults", {}).get("mappings", []))
    for override in config.get("overrides", []):
        for each in override["properties"]:
            if each["id"] == "mappings":
                told += each["value"]
    return [each["options"] for each in told if each["type"] == "value"]
