"""A real Prometheus reads the embedded gateway."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from tests.services.programs import EmbeddedGateway, StartPrometheus
from tests.waiting import wait_for

pytestmark = pytest.mark.service


@pytest.fixture
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedGateway]:
    program = EmbeddedGateway(tmp_path_factory.mktemp("hub"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


def test_prometheus_finds_the_pushed_gauge(
    embedded: EmbeddedGateway, start_prometheus: StartPrometheus
) -> None:
    """With honor_labels the series carries the group's labels, and never the gateway's address."""
    body = '# TYPE m gauge\nm{metric_name="val/lo\\"ss\\n"} 0.37\n'
    connection = http.client.HTTPConnection(embedded.url.removeprefix("http://"), timeout=10)
    connection.request("PUT", "/metrics/job/reporter_pod_info/run/r1/rank/0", body)
    assert connection.getresponse().status == 200
    connection.close()
    prometheus = start_prometheus([embedded.url])
    found = wait_for(
        lambda: prometheus.query('m{run="r1"}'), timeout=30, what="the gauge in Prometheus"
    )
    labels = {"job": "reporter_pod_info", "run": "r1", "rank": "0", "metric_name": 'val/lo"ss\n'}
    assert found == [({"__name__": "m", **labels}, 0.37)]
    assert prometheus.query("up") == [
        ({"__name__": "up", "job": "gateway", "instance": embedded.url.removeprefix("http://")}, 1)
    ]
    assert prometheus.query("push_time_seconds")[0][0]["run"] == "r1"
