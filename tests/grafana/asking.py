"""Asks Prometheus what a dashboard's variables and panels ask, resolved as Grafana resolves it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode

from tests.services.programs import fetch

DASHBOARDS = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"
SLOW_S = 1.0
POINTS = 800  # as many as a panel is wide, where it does not ask for fewer
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LABEL_VALUES = re.compile(r"label_values\((?:(.*), *)?([a-zA-Z_]\w*)\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((.*)\)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([\w:.]+))?\})")
_SPECIAL = re.compile(r"[\\^$.*+?()|\[\]{}]")

Values = dict[str, "str | list[str]"]
Dashboard = dict[str, Any]


class Span(NamedTuple):
    """What the time picker says."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


class Query(NamedTuple):
    """One question of a dashboard, and the panel that asks it."""

    panel: str
    ref: str
    promql: str
    instant: bool
    min_step: str
    points: int = POINTS


class Answer(NamedTuple):
    """The series' labels, and what they cost Prometheus."""

    series: list[dict[str, str]]
    values: list[float]  # the newest of each
    seconds: float
    samples: int  # that it looked at: the same on every machine


class Refused(Exception):
    """Prometheus could not evaluate it."""


def dashboards() -> list[Dashboard]:
    return [json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))]


def dashboard_of(uid: str) -> Dashboard:
    """The one of that name."""
    (found,) = (each for each in dashboards() if each["uid"] == uid)
    return found


def panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """All of them, those in closed rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def queries(dashboard: Dashboard) -> Iterator[Query]:
    """Those of every panel, and of the annotations."""
    for panel in panels(dashboard):
        for target in panel.get("targets") or ():
            instant = bool(target.get("instant"))
            step = target.get("interval") or ""
            points = panel.get("maxDataPoints") or POINTS
            yield Query(panel["title"], target["refId"], target["expr"], instant, step, points)
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        expression = annotation.get("expr") or annotation.get("target", {}).get("expr")
        if expression:
            step = annotation.get("step") or ""
            yield Query(f"annotation {annotation['name']}", "", expression, False, step)


def answers(grafana: Grafana, dashboard: Dashboard) -> dict[Query, list[dict[str, str]]]:
    """The series' labels for every question. None is refused, and none is slow."""
    found, problems = {}, []
    for query in queries(dashboard):
        try:
            answer = grafana.ask(query)
            # A machine that is busy with something else for a moment says nothing of the query.
            again = [grafana.ask(query).seconds for _ in range(2 * (answer.seconds > SLOW_S))]
        except Refused as refused:
            problems.append(f"{query.panel} {query.ref}: {refused}")
        else:
            found[query] = answer.series
            if again and min(again) > SLOW_S:
                problems.append(f"{query.panel} {query.ref}: took {min(again):.1f} s")
    assert not problems, "\n".join(problems)
    return found


class Grafana:
    """One dashboard over one Prometheus, scraped so often, with what was chosen at its top."""

    def __init__(
        self, url: str, dashboard: Dashboard, span: Span, scrape_s: float, **chosen: str | list[str]
    ) -> None:
        self._url, self._span, self._scrape_s = url, span, scrape_s
        self._multiple: dict[str, bool] = {}
        self.options: dict[str, list[str]] = {}  # of each variable that is asked for
        self.values: Values = {}
        for variable in dashboard["templating"]["list"]:
            self._resolve(variable, chosen)

    def ask(self, query: Query) -> Answer:
        """What Prometheus answers. Raises Refused with its reason."""
        step = self._step(query.min_step, query.points)
        promql = self._interpolated(query.promql, query.min_step, query.points)
        if query.instant:
            return self._asked("query", {"query": promql, "time": self._span.end})
        start, end = (at // step * step for at in self._span)
        told = {"query": promql, "start": start, "end": end, "step": step}
        return self._asked("query_range", told)

    def _resolve(self, variable: Mapping[str, Any], chosen: Mapping[str, Any]) -> None:
        name, kind = variable["name"], variable["type"]
        self._multiple[name] = bool(variable.get("multi") or variable.get("includeAll"))
        if kind == "query":
            self.options[name] = self._options(variable)
            self.values[name] = chosen.get(name, self._default(variable))
        elif kind == "custom":
            first = variable["query"].split(",")[0].rpartition(" : ")[2].strip()
            self.values[name] = chosen.get(name, variable.get("current", {}).get("value", first))
        elif kind in {"constant", "textbox"}:
            self.values[name] = chosen.get(name, variable["query"])
        elif kind != "datasource":
            raise AssertionError(f"{name}: this test knows no variables of type {kind}")
        if self.values.get(name) in ("$__all", ["$__all"]):
            # What stands for all goes in as it is; without such a pattern, all names go in.
            self._multiple[name] = not variable.get("allValue")
            self.values[name] = variable.get("allValue") or self.options[name]

    def _default(self, variable: Mapping[str, Any]) -> str | list[str]:
        """What the dashboard comes with, if there is such a value; else the first there is."""
        current = variable.get("current", {}).get("value") or []
        wanted = [current] if isinstance(current, str) else list(current)
        options = self.options[variable["name"]]
        if wanted == ["$__all"] or (wanted and set(wanted) <= set(options)):
            return wanted if variable.get("multi") else wanted[0]
        first = options[:1]
        return first if variable.get("multi") else "".join(first)

    def _options(self, variable: Mapping[str, Any]) -> list[str]:
        query = variable["query"]
        text = query["query"] if isinstance(query, dict) else query
        of_labels, of_result = _LABEL_VALUES.fullmatch(text), _QUERY_RESULT.fullmatch(text)
        if of_labels:
            found = self._label_values(of_labels[1], of_labels[2])
        else:
            assert of_result, f"{variable['name']}: this test does not know {text}"
            found = self._result_as_text(of_result[1])
        return _sorted(list(_taken(found, variable.get("regex", ""))), variable.get("sort", 0))

    def _label_values(self, selector: str | None, label: str) -> list[str]:
        told: dict[str, Any] = {"start": self._span.start, "end": self._span.end}
        if selector:
            told["match[]"] = self._interpolated(selector)
        return list(self._fetched(f"label/{label}/values", told)["data"])

    def _result_as_text(self, promql: str) -> list[str]:
        """As Grafana shows an instant vector: {labels} value time."""
        told = {"query": self._interpolated(promql), "time": self._span.end}
        found = self._fetched("query", told)["data"]
        if found["resultType"] == "scalar":
            return [f"{found['result'][1]}"]
        return [
            f"{_metric_text(each['metric'])} {each['value'][1]} {each['value'][0] * 1000:.0f}"
            for each in found["result"]
        ]

    def _asked(self, how: str, told: Mapping[str, Any]) -> Answer:
        found = self._fetched(how, {**told, "stats": "all"})["data"]
        if found["resultType"] == "scalar":
            return Answer([{}], [float(found["result"][1])], 0, 0)
        result, stats = found["result"], found["stats"]
        newest = [float((each.get("value") or each["values"][-1])[1]) for each in result]
        seconds, samples = stats["timings"]["evalTotalTime"], stats["samples"]
        series = [each["metric"] for each in result]
        return Answer(series, newest, seconds, samples["totalQueryableSamples"])

    def _fetched(self, path: str, told: Mapping[str, Any]) -> Any:
        try:
            return json.loads(fetch(f"{self._url}/api/v1/{path}?{urlencode(told)}", timeout=30))
        except HTTPError as error:
            query = told.get("query") or told
            raise Refused(f"{json.loads(error.read())['error']}\n{query}") from error

    def _step(self, min_step: str, points: int) -> float:
        return max(_seconds(min_step), self._scrape_s, self._span.seconds / points)

    def _interpolated(self, text: str, min_step: str = "", points: int = POINTS) -> str:
        step, span = self._step(min_step, points), self._span
        least = _seconds(min_step) or self._scrape_s
        known = {
            "__interval": f"{step:.0f}s",
            "__rate_interval": f"{max(step + least, 4 * least):.0f}s",
            "__range": f"{span.seconds:.0f}s",
            "__range_s": f"{span.seconds:.0f}",
            "__range_ms": f"{span.seconds * 1000:.0f}",
            "__from": f"{span.start * 1000:.0f}",
            "__to": f"{span.end * 1000:.0f}",
            "__from:date:seconds": f"{span.start:.0f}",
            "__to:date:seconds": f"{span.end:.0f}",
        }

        def filled(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            key = f"{name}:{found[3]}" if found[3] else name
            return known[key] if key in known else self._value(name, found[3])

        return _VARIABLE.sub(filled, text)

    def _value(self, name: str, form: str | None) -> str:
        assert name in self.values, f"nothing defines ${name}"
        value = self.values[name]
        if form == "raw" or not self._multiple[name]:
            return value if isinstance(value, str) else "|".join(value)
        escaped = [_escaped(each) for each in ([value] if isinstance(value, str) else value)]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _escaped(text: str) -> str:
    """For a regular expression within a text of PromQL."""
    return _SPECIAL.sub(r"\\\\\g<0>", text)


def _metric_text(metric: Mapping[str, str]) -> str:
    labels = ",".join(f'{key}="{value}"' for key, value in metric.items() if key != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}}"


def _taken(found: Sequence[str], pattern: str) -> Iterator[str]:
    """What the variable's own regular expression leaves of each."""
    regex = re.compile(pattern.strip("/")) if pattern else None
    for text in found:
        match = regex.search(text) if regex else None
        if match:
            yield match[1] if match.groups() else match[0]
        elif not regex:
            yield text


def _sorted(found: list[str], how: int) -> list[str]:
    return sorted(found, reverse=how % 2 == 0) if how else found


def _seconds(text: str) -> float:
    number = text.rstrip("msdh")
    return float(number) * _UNITS[text[len(number) :]] if text else 0
