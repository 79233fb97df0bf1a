"""Reads a dashboard's parts: panels, targets, variables, and the PromQL in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser
from promql_parser import Call, Expr, VectorSelector

from grafana.lint.findings import Dashboard

Nodes = tuple[Expr, ...]

# What stands for $__rate_interval: no other duration is as long.
SENTINEL = "7919s"
_BUILT_IN = {
    "__rate_interval": SENTINEL,
    "__interval": "7907s",
    "__range": "7901s",
    "__range_s": "7901",
    "__from:date:seconds": "1700000000",
}
_VARIABLE = re.compile(r"\$\{(\w+)(:[\w:]+)?(?:\.[^}]*)?\}|\$(\w+)")


def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Every panel but rows, those in collapsed rows included."""
    found: list[dict[str, Any]] = []
    for panel in dashboard.get("panels", []):
        inner = panel.get("panels") or []
        found += inner if panel["type"] == "row" else [panel]
    return found


def targets(dashboard: Dashboard) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query of a panel, with the panel's title."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield panel.get("title", ""), target


def variables(dashboard: Dashboard) -> list[dict[str, Any]]:
    return list(dashboard.get("templating", {}).get("list", []))


def marks(dashboard: Dashboard) -> list[dict[str, Any]]:
    return list(dashboard.get("annotations", {}).get("list", []))


def query_of(variable: dict[str, Any]) -> str:
    query = variable.get("query", "")
    return str(query.get("query", "")) if isinstance(query, dict) else str(query)


def expressions(dashboard: Dashboard) -> Iterator[tuple[str, str]]:
    """What panels and annotations ask for, as it is written, and where."""
    for title, target in targets(dashboard):
        yield title, target.get("expr", "")
    for annotation in marks(dashboard):
        if "expr" in annotation:
            yield annotation["name"], annotation["expr"]


def trees(dashboard: Dashboard) -> Iterator[tuple[str, Nodes]]:
    """The same, parsed; what cannot be parsed is another rule's business."""
    for where, expression in expressions(dashboard):
        try:
            yield where, parsed(expression, dashboard)
        except ValueError:
            continue


def parsed(expression: str, dashboard: Dashboard) -> Nodes:
    """Every part of it, the whole first. ValueError says what is wrong with it."""
    return _parsed(substituted(expression, dashboard))


@cache
def _parsed(promql: str) -> Nodes:
    """Kept, because every rule reads every query."""
    found: list[Expr] = []

    def visit(node: Expr) -> bool:
        found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(promql), visit)
    return tuple(found)


def substituted(expression: str, dashboard: Dashboard) -> str:
    """The expression with a value for each variable, as Grafana sends it."""
    values = {**_BUILT_IN, **{each["name"]: _value(each) for each in variables(dashboard)}}

    def value(found: re.Match[str]) -> str:
        name = (found[1] or found[3]) + (found[2] or "")
        return values.get(name, found[0])

    return _VARIABLE.sub(value, expression)


def used(text: str) -> set[str]:
    """The variables that a text uses, those of Grafana itself left out."""
    names = {found[1] or found[3] for found in _VARIABLE.finditer(text)}
    return {name for name in names if not name.startswith("__")}


def _value(variable: dict[str, Any]) -> str:
    """A value that the variable may have; of several choices, three at once."""
    if variable["type"] == "custom":
        return str(variable["query"]).split(",")[0].split(" : ")[-1]
    if variable["name"] == "shift":
        return "60"
    one = "value"
    return "|".join([one] * 3) if variable.get("multi") else one


def selectors(tree: Nodes) -> list[VectorSelector]:
    return [node for node in tree if isinstance(node, VectorSelector)]


def calls(tree: Nodes) -> list[Call]:
    return [node for node in tree if isinstance(node, Call)]


def matchers(selector: VectorSelector) -> dict[str, str]:
    return {each.name: each.value for each in selector.matchers.matchers}
