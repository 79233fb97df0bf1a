"""Hundreds of runs that a gateway keeps: curves cost no more than those of the few that are drawn.

What a query costs is told in the samples that Prometheus looks at: they are the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from grafana.build.asked import CURVES
from tests.grafana import played
from tests.grafana.asking import Dashboard, Grafana, Query, Span, dashboard_of, queries
from tests.services.programs import Prometheus

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

MINUTES = 20
KEPT = [f"kept-{n:03}" for n in range(300)]
DRAWN = KEPT[-CURVES:]
_OF_ALL = pytest.mark.parametrize("uid", ["reporter-runs", "reporter-compare"])


class Gateway(NamedTuple):
    """What Prometheus saw of it, and until when."""

    prometheus: Prometheus
    now: float

    def opened(self, dashboard: Dashboard, **chosen: list[str]) -> Grafana:
        span = Span(self.now - MINUTES * 60, self.now)
        return Grafana(self.prometheus.url, dashboard, span, 60, **chosen)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """It keeps hundreds of runs."""
    folder, now = tmp_path_factory.mktemp("many"), time.time()
    moments = [now - 60 * ago for ago in reversed(range(MINUTES))]
    played.write_kept(folder / "tsdb", KEPT, moments)
    prometheus = Prometheus(folder, [], honor_labels=True, interval="60s")
    try:
        prometheus.start()
        yield Gateway(prometheus, now)
    finally:
        prometheus.stop()


@_OF_ALL
def test_curves_cost_what_is_drawn(gateway: Gateway, uid: str) -> None:
    """As much with hundreds of runs on the gateway as when only those were chosen."""
    dashboard = dashboard_of(uid)
    all_of_them = _costs(gateway.opened(dashboard), dashboard)
    few = _costs(gateway.opened(dashboard, run=DRAWN), dashboard)
    curves = [query for query in all_of_them if not query.instant]
    assert curves
    assert [query.panel for query in curves if all_of_them[query] > few[query]] == []


@_OF_ALL
def test_numbers_cost_in_proportion(gateway: Gateway, uid: str) -> None:
    """What counts or lists all runs looks at each of them once, and not at each for each other."""
    dashboard = dashboard_of(uid)
    all_of_them = _costs(gateway.opened(dashboard), dashboard)
    few = _costs(gateway.opened(dashboard, run=DRAWN), dashboard)
    times = len(KEPT) / len(DRAWN)
    dear = [query.panel for query in all_of_them if all_of_them[query] > times * few[query]]
    assert dear == []


@_OF_ALL
def test_the_newest_of_those_that_are_chosen_are_drawn(gateway: Gateway, uid: str) -> None:
    """Of all those that started last; of a few that somebody chose, these."""
    dashboard, few = dashboard_of(uid), KEPT[:3]
    assert set(gateway.opened(dashboard).values["newest"]) == set(DRAWN)
    assert set(gateway.opened(dashboard, run=few).values["newest"]) == set(few)


def _costs(grafana: Grafana, dashboard: Dashboard) -> dict[Query, int]:
    return {query: grafana.ask(query).samples for query in queries(dashboard)}
