"""check_server.py, against a stand-in that answers as Grafana's documents of its API say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import promql_parser
import pytest

from tests.grafana.asking import DASHBOARDS, dashboards

SCRIPT = DASHBOARDS.parent / "check_server.py"
RUN = "20261121-1200-abc"
TOKEN = "a-viewers-token"
_OF_THE_SERVER = re.compile(r"\$__(?:rate_interval|interval|range)\b")


class StandIn(ThreadingHTTPServer):
    """Grafana, as far as it is asked. Every query is answered but one that names `failing`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prefix, self.failing, self.absent, self.token = "", "", "", ""
        self.queries: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        if self.path == "/api/health":
            self._answer(200, {"database": "ok", "version": "12.0.2"})
        elif self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
            self._answer(401, {"message": "Unauthorized"})
        elif self.path == "/api/frontend/settings":  # what a viewer may ask
            sources = {"Logs": {"uid": "x", "type": "loki"}, "-- Grafana --": {"type": "grafana"}}
            found = {**sources, "Metrics": {"uid": "p", "type": "prometheus"}}
            self._answer(200, {"datasources": found})
        else:
            self._answer(*self._dashboard(self.path.rpartition("/")[2]))

    def do_POST(self) -> None:
        (query,) = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        assert query["datasource"]["uid"] == "p"
        self.server.queries.append(query["expr"])
        if self.server.failing and self.server.failing in query["expr"]:
            self._answer(400, {"results": {"A": {"status": 400, "error": "bad_data: parse error"}}})
            return
        fields = [{"name": "Time"}, {"name": "Value", "labels": {"run": RUN}}]
        frame = {"schema": {"fields": fields}, "data": {"values": [[1], [1]]}}
        self._answer(200, {"results": {"A": {"status": 200, "frames": [frame]}}})

    def _dashboard(self, uid: str) -> tuple[int, Any]:
        for each in dashboards():
            if uid == self.server.prefix + each["uid"] and each["uid"] != self.server.absent:
                return 200, {"dashboard": each, "meta": {}}
        return 404, {"message": "Dashboard not found"}

    def _answer(self, code: int, told: Any) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *arguments: object) -> None:
        """Quietly."""


@pytest.fixture
def grafana() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def check(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env={"GRAFANA_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_is_well(grafana: StandIn) -> None:
    """Each dashboard is found and each of its queries asked, as PromQL but for what the server
    fills in by itself."""
    done = check(grafana.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Grafana 12.0.2, data source p, run {RUN}" in done.stdout
    for each in dashboards():
        assert f"{each['uid']}: " in done.stdout
    assert done.stdout.count(" 0 failed") == 3
    for query in grafana.queries:
        promql_parser.parse(_OF_THE_SERVER.sub("7m", query.replace("$__range_s", "420")))


def test_a_query_that_fails_is_told(grafana: StandIn) -> None:
    """With its panel and what Prometheus said; the others are asked all the same."""
    grafana.failing = "reporter_gpu_power_watts"
    done = check(grafana.url)
    assert done.returncode == 1
    assert "bad_data: parse error" in done.stdout
    assert "reporter-runs: " in done.stdout


def test_a_dashboard_that_is_absent_is_told(grafana: StandIn) -> None:
    """With what may be the cause."""
    grafana.absent = "reporter-run"
    done = check(grafana.url)
    assert done.returncode == 1
    assert (
        "reporter-run: /api/dashboards/uid/reporter-run: not there: is it imported" in done.stdout
    )


def test_a_prefix_is_asked_for(grafana: StandIn) -> None:
    """As they were exported."""
    grafana.prefix = "team-a-"
    assert check(grafana.url, "--uid-prefix", "team-a-").returncode == 0


def test_a_token_is_sent_and_asked_for(grafana: StandIn) -> None:
    """From the environment alone."""
    grafana.token = TOKEN
    assert check(grafana.url, token=TOKEN).returncode == 0
    refused = check(grafana.url)
    assert refused.returncode == 2
    assert "set GRAFANA_TOKEN" in refused.stderr


def test_nobody_there() -> None:
    """No traceback."""
    done = check("http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("http://127.0.0.1:9 does not answer")
    assert "Traceback" not in done.stderr
