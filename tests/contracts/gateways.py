"""A gateway seen from outside: what the contract's tests ask one by."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_numbers = itertools.count()

HOSTILE = 'a\nb "quoted" back\\slash é ✓ } # x{y="z"} 1\\n'


@dataclass
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


class Gateway:
    """A gateway seen from outside, and the names that the running test may use on it."""

    def __init__(self, url: str, *, embedded: bool) -> None:
        self.address = url.removeprefix("http://")
        self.embedded = embedded
        self.name = f"contract_{os.getpid()}_{next(_numbers)}"

    @property
    def path(self) -> str:
        return f"/metrics/job/{self.name}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            content = body.encode() if isinstance(body, str) else body
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), dict(response.getheaders()))
        finally:
            connection.close()

    def put(self, body: bytes | str, path: str | None = None) -> int:
        return self.request("PUT", path or self.path, body).status

    def post(self, body: bytes | str, path: str | None = None) -> int:
        return self.request("POST", path or self.path, body).status

    def series(self, family: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """The samples of a family, as an independent reader finds them in /metrics."""
        text = self.request("GET", "/metrics").body
        return [
            (sample.labels, sample.value)
            for one in text_string_to_metric_families(text)
            for sample in one.samples
            if sample.name == family and labels.items() <= sample.labels.items()
        ]

    def value(self, family: str, **labels: str) -> float:
        [(_, value)] = self.series(family, **labels)
        return value

    def times(self) -> tuple[float, float]:
        """When the group was last pushed, and when that last failed."""
        pushed = self.value("push_time_seconds", job=self.name)
        return pushed, self.value("push_failure_time_seconds", job=self.name)

    def group(self) -> dict[str, object] | None:
        data = json.loads(self.request("GET", "/api/v1/metrics").body)["data"]
        return next((one for one in data if one["labels"]["job"] == self.name), None)


def gauge(name: str, value: object = 1, labels: str = "") -> str:
    return f"# TYPE {name} gauge\n{name}{labels} {value}\n"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()
