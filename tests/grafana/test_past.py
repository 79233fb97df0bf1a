"""Runs that were played in the past: what only hours bring, on every dashboard."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from grafana.build.states import STALLED
from reporter.names import State
from tests.grafana import played
from tests.grafana.asking import (
    Dashboard,
    Grafana,
    Span,
    answers,
    dashboard_of,
    dashboards,
    queries,
)
from tests.services.programs import Prometheus

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

STANDS = {
    "running": int(State.RUNNING),
    "failed": int(State.FAILED),
    "stalled": STALLED,
    "finished": int(State.SUCCEEDED),
    "lost": int(State.LOST),
}


class Past(NamedTuple):
    """A server that knows the past, and when its now is."""

    prometheus: Prometheus
    now: float


@pytest.fixture(scope="module", params=[played.honoured, played.not_honoured])
def past(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Past]:
    """With the labels that each setting of `honor_labels` gives."""
    folder, now = tmp_path_factory.mktemp("past"), time.time()
    played.write_history(folder / "tsdb", now, request.param)
    prometheus = Prometheus(folder, [], honor_labels=True, interval="15s")
    try:
        prometheus.start()
        yield Past(prometheus, now)
    finally:
        prometheus.stop()


def opened(past: Past, dashboard: Dashboard, **chosen: Any) -> Grafana:
    """With all of the past in its time range."""
    span = Span(past.now - played.HOURS * 3600, past.now)
    return Grafana(past.prometheus.url, dashboard, span, played.EVERY_S, **chosen)


def number(past: Past, uid: str, title: str, **chosen: Any) -> float:
    """What a panel of one number shows."""
    dashboard = dashboard_of(uid)
    (query,) = (each for each in queries(dashboard) if each.panel == title)
    (value,) = opened(past, dashboard, **chosen).ask(query).values
    return value


@pytest.mark.parametrize("role", STANDS)
def test_each_run_stands_as_it_does(past: Past, role: str) -> None:
    """Stalled and lost, which no run says of itself, are seen by whoever looks."""
    assert number(past, "reporter-run", "State", run=played.RUNS[role]) == STANDS[role]


def test_the_runs_are_counted(past: Past) -> None:
    """Each run counts in one state."""
    titles = ("Running", "Failed", "Stalled", "Succeeded", "Lost")
    assert [number(past, "reporter-runs", title) for title in titles] == [1] * len(titles)


@pytest.mark.parametrize("dashboard", dashboards(), ids=lambda each: each["uid"])
def test_hours_of_it_are_quickly_asked(past: Past, dashboard: Dashboard) -> None:
    """Three hours of all runs, and of each: no query fails, and none takes a second."""
    choices = [{}] if _shows_all(dashboard) else [{"run": run} for run in played.RUNS.values()]
    empty = set(queries(dashboard))
    for chosen in choices:
        found = answers(opened(past, dashboard, **chosen), dashboard)
        empty -= {query for query, series in found.items() if series}
    assert {query.panel for query in empty} <= {"Dropped reports"}  # none of them lost any


def _shows_all(dashboard: Dashboard) -> bool:
    (variable,) = (each for each in dashboard["templating"]["list"] if each["name"] == "run")
    return bool(variable.get("multi"))
