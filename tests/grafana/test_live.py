"""The demo on a real Pushgateway and two real Prometheus servers: every question has an answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.grafana.asking import (
    Dashboard,
    Grafana,
    Query,
    Refused,
    Span,
    answers,
    dashboard_of,
    dashboards,
    queries,
)
from tests.grafana.demo import Runs, demo
from tests.grafana.story import PROJECT
from tests.services.programs import Prometheus, Pushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

SCRAPE_S = 1
LONGEST_STEP_S = 15  # the dashboards' own, in which rates are asked for
LATEST = 900.0
_ONLY_LATER = ("reporter_run_end_info", "reporter_dropped_total")
_OWN = ("job", "instance", "exported_job", "exported_instance")
_EVERY = pytest.mark.parametrize("dashboard", dashboards(), ids=lambda each: each["uid"])


class Stage(NamedTuple):
    """The demo, and who scrapes it."""

    runs: Runs
    honoured: Prometheus
    not_honoured: Prometheus


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The demo, gone on until each run is what it is to be, and scraped a few times since."""
    folder = tmp_path_factory.mktemp("live")
    gateway = Pushgateway(folder)
    scraping = [
        Prometheus(tmp_path_factory.mktemp("prometheus"), [gateway.url], honoured, f"{SCRAPE_S}s")
        for honoured in (True, False)
    ]
    try:
        for program in (gateway, *scraping):
            program.start()
        with demo(folder, gateway.url) as runs:
            for prometheus in scraping:
                wait_for(lambda p=prometheus: _told(p, runs), 90, "every run to be where it turns")
            yield Stage(runs, *scraping)
    finally:
        for program in (gateway, *scraping):
            program.stop()


def _told(prometheus: Prometheus, runs: Runs) -> bool:
    """Whether those that turn have turned, and there is enough of each for the longest step."""
    stands = _seconds_since(prometheus, "reporter_run_last_step_time_seconds")
    started = _seconds_since(prometheus, "reporter_run_start_time_seconds")
    turned = (runs.failed, runs.stalled, runs.finished)
    return (
        [value for _, value in prometheus.query("count(reporter_run_end_info)")] == [2]
        and min(stands.get(run, 0) for run in turned) > 5
        and min(started.get(run, 0) for run in runs) > 2 * LONGEST_STEP_S
    )


def _seconds_since(prometheus: Prometheus, family: str) -> dict[str, float]:
    found = prometheus.query(f"min by (run) (time() - {family})")
    return {labels["run"]: value for labels, value in found}


@pytest.fixture(params=["honoured", "not_honoured"])
def prometheus(stage: Stage, request: pytest.FixtureRequest) -> Prometheus:
    """With each setting of `honor_labels`."""
    found: Prometheus = getattr(stage, request.param)
    return found


def opened(prometheus: Prometheus, dashboard: Dashboard, **chosen: Any) -> Grafana:
    """The dashboard as somebody sees it who has just opened it."""
    end = time.time() - 2 * SCRAPE_S  # what is newer one server may have and the other not yet
    return Grafana(prometheus.url, dashboard, Span(end - LATEST, end), SCRAPE_S, **chosen)


def as_chosen(dashboard: Dashboard, runs: Runs) -> list[dict[str, str]]:
    """What is looked at, one after the other: each run where one is chosen, else all at once."""
    (variable,) = (each for each in dashboard["templating"]["list"] if each["name"] == "run")
    return [{}] if variable.get("multi") else [{"run": run} for run in runs]


@_EVERY
def test_every_variable_has_values(
    stage: Stage, prometheus: Prometheus, dashboard: Dashboard
) -> None:
    """There is something to choose from, and every run is among it."""
    grafana = opened(prometheus, dashboard)
    assert [name for name, options in grafana.options.items() if not options] == []
    assert set(grafana.options["run"]) == set(stage.runs)
    assert grafana.options["project"] == [PROJECT]


@_EVERY
def test_every_question_has_an_answer(
    stage: Stage, prometheus: Prometheus, dashboard: Dashboard
) -> None:
    """Each query is answered without an error, within a second, with data for one run at least."""
    empty = set(queries(dashboard))
    for chosen in as_chosen(dashboard, stage.runs):
        found = answers(opened(prometheus, dashboard, **chosen), dashboard)
        empty -= {query for query, series in found.items() if series}
    assert not empty, named(empty)


def test_a_run_that_goes_on_has_it_all(stage: Stage, prometheus: Prometheus) -> None:
    """Nothing is missing of it but what only an end or a loss brings."""
    dashboard = dashboard_of("reporter-run")
    found = answers(opened(prometheus, dashboard, run=stage.runs.running), dashboard)
    empty = {query for query, series in found.items() if not series}
    missed = [query for query in empty if not any(word in query.promql for word in _ONLY_LATER)]
    assert missed == [], named(missed)


@_EVERY
def test_how_it_is_scraped_changes_nothing(stage: Stage, dashboard: Dashboard) -> None:
    """The same series with `honor_labels` and without, and none that shows a job."""
    for chosen in as_chosen(dashboard, stage.runs):
        honoured, not_honoured = (
            answers(opened(each, dashboard, **chosen), dashboard)
            for each in (stage.honoured, stage.not_honoured)
        )
        for query, series in honoured.items():
            assert _as_set(series) == _as_set(not_honoured[query]), query
            assert not [labels for labels in series if labels.keys() & set(_OWN)], query


def test_a_question_without_an_answer_is_found(stage: Stage) -> None:
    """A family that is called otherwise on the gateway, or a query that is wrong, does not pass."""
    renamed = Query("renamed", "A", "reporter_run_states", instant=True, min_step="")
    wrong = renamed._replace(promql="reporter_run_state + on (job) push_time_seconds")
    grafana = opened(stage.honoured, dashboards()[0])
    assert grafana.ask(renamed).series == []
    with pytest.raises(Refused, match="many-to-many"):
        grafana.ask(wrong)


def named(found: Iterable[Query]) -> str:
    """What a failed test shows."""
    return "no data:\n" + "\n".join(f"{one.panel} {one.ref}: {one.promql}" for one in found)


def _as_set(series: Iterable[Mapping[str, str]]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(labels.items())) for labels in series}
