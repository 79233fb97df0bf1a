"""Asks a real Grafana whether the dashboards are there and whether their queries are answered.

    GRAFANA_TOKEN=… python grafana/check_server.py http://127.0.0.1:3000

Needs nothing but Python. Without a token it asks as whoever Grafana lets in (the compose file lets
everybody look). It has not been run against a Grafana server by the tests of this repository: they
have none, and run it against a small stand-in that answers as Grafana's documents say.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError

_DASHBOARDS = Path(__file__).resolve().parent / "dashboards"
_HOUR_MS = 3_600_000
_NEWEST = "topk(1, max by (run) (reporter_run_start_time_seconds))"
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::[\w:]+)?\})")

Json = dict[str, Any]


class Problem(Exception):
    """What is wrong, and what to do about it."""


class Asked(NamedTuple):
    """What became of one query."""

    panel: str
    ref: str
    series: int
    error: str


class Server:
    """A Grafana, and one data source of it."""

    def __init__(self, url: str, token: str, source: str) -> None:
        self._url, self._token = url.rstrip("/"), token
        self.version = str(self.get("/api/health").get("version", "unknown"))
        self.source = source or self._first_prometheus()

    def get(self, path: str) -> Any:
        return self._called(path, None)

    def query(self, promql: str, *, instant: bool) -> Json:
        """Its answer, as /api/ds/query gives it."""
        now = int(time.time() * 1000)
        asked = {
            "refId": "A",
            "datasource": {"type": "prometheus", "uid": self.source},
            "expr": promql,
            "instant": instant,
            "range": not instant,
            "intervalMs": 15000,
            "maxDataPoints": 800,
        }
        told = {"queries": [asked], "from": str(now - _HOUR_MS), "to": str(now)}
        found: Json = self._called("/api/ds/query", told)["results"]["A"]
        return found

    def _first_prometheus(self) -> str:
        """As Grafana's own pages find it: /api/datasources is often for administrators alone."""
        try:
            sources = self.get("/api/frontend/settings")["datasources"]
        except (Problem, KeyError) as problem:
            raise Problem(f"{problem}. To name a data source: --datasource UID") from None
        found = [each["uid"] for each in sources.values() if each.get("type") == "prometheus"]
        if not found:
            raise Problem("Grafana has no Prometheus data source: add one, or provision ours")
        return str(found[0])

    def _called(self, path: str, told: Json | None) -> Any:
        request = urllib.request.Request(self._url + path, headers={"Accept": "application/json"})  # noqa: S310 - whoever calls names it
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if told is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(told).encode()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except HTTPError as error:
            return _refused(path, error)
        except (URLError, TimeoutError) as error:
            raise Problem(f"{self._url} does not answer: {error}") from None
        except ValueError:
            raise Problem(f"{self._url}{path} is not Grafana: it answers no JSON") from None


def _refused(path: str, error: HTTPError) -> Any:
    """A query that failed is told within an answer that is refused as a whole."""
    body = error.read()
    if path == "/api/ds/query" and b'"results"' in body:
        return json.loads(body)
    if error.code in {401, 403}:
        raise Problem(f"{path}: not allowed ({error.code}): set GRAFANA_TOKEN to a viewer's token")
    if error.code == 404:
        raise Problem(f"{path}: not there: is it imported, and under this UID (--uid-prefix)?")
    raise Problem(f"{path}: {error.code} {body[:200].decode(errors='replace')}")


def check(server: Server, prefix: str, say: Any = print) -> int:
    """Look at every dashboard. Returns how many things are wrong."""
    run = _newest_run(server)
    say(f"Grafana {server.version}, data source {server.source}, run {run or '(none yet)'}")
    wrong = 0
    for path in sorted(_DASHBOARDS.glob("*.json")):
        uid = prefix + json.loads(path.read_text(encoding="utf-8"))["uid"]
        try:
            dashboard = server.get(f"/api/dashboards/uid/{uid}")["dashboard"]
        except Problem as problem:
            say(f"{uid}: {problem}")
            wrong += 1
            continue
        asked = list(_asked(server, dashboard, run))
        failed = [each for each in asked if each.error]
        empty = sum(not each.series and not each.error for each in asked)
        say(f"{uid}: {len(asked)} queries, {len(failed)} failed, {empty} without data")
        for each in failed:
            say(f"  {each.panel} {each.ref}: {each.error}")
        wrong += len(failed)
    return wrong


def _newest_run(server: Server) -> str:
    frames = server.query(_NEWEST, instant=True).get("frames", [])
    labels = [field.get("labels", {}) for each in frames for field in each["schema"]["fields"]]
    return next((str(each["run"]) for each in labels if "run" in each), "")


def _asked(server: Server, dashboard: Json, run: str) -> Iterator[Asked]:
    values = _values(dashboard, run)
    for panel in _panels(dashboard["panels"]):
        for target in panel.get("targets", ()):
            promql = _filled(target["expr"], values)
            found = server.query(promql, instant=bool(target.get("instant")))
            series = len(found.get("frames", ()))
            yield Asked(panel["title"], target["refId"], series, str(found.get("error", "")))


def _panels(panels: list[Json]) -> Iterator[Json]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels") or [])


def _values(dashboard: Json, run: str) -> dict[str, str]:
    """Something for every variable: all, what the dashboard comes with, or the newest run."""
    now = int(time.time())
    values = {"__from": str(now - _HOUR_MS // 1000), "__to": str(now)}  # asked for in seconds
    for variable in dashboard["templating"]["list"]:
        name, current = variable["name"], (variable.get("current") or {}).get("value")
        if variable.get("includeAll"):
            values[name] = str(variable.get("allValue") or ".+")
        elif "label_values" in str(variable.get("query")) and name.startswith("run"):
            values[name] = run
        else:
            values[name] = current if isinstance(current, str) and current else "1"
    return values


def _filled(promql: str, values: Mapping[str, str]) -> str:
    """The server itself fills in the rest: $__range, $__interval, $__rate_interval."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2], found[0])

    return _VARIABLE.sub(value, promql)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 1 where something is wrong, 2 where nothing could be asked."""
    parser = argparse.ArgumentParser(
        description="Ask a Grafana whether the dashboards are there and their queries answered.",
        epilog="A token, if one is needed, comes from the variable GRAFANA_TOKEN.",
    )
    parser.add_argument("url", help="such as http://127.0.0.1:3000")
    parser.add_argument("--uid-prefix", default="", help="the one that they were exported with")
    parser.add_argument(
        "--datasource", default="", metavar="UID", help="the first one if not given"
    )
    given = parser.parse_args(arguments)
    try:
        server = Server(given.url, os.environ.get("GRAFANA_TOKEN", ""), given.datasource)
        return 1 if check(server, given.uid_prefix) else 0
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
