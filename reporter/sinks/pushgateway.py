"""Owns how families get to a Pushgateway, and what its answers mean."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from reporter.sinks.base import Family, Outcome
from reporter.sinks.credentials import Credentials
from reporter.sinks.exposition import encodable, render
from reporter.sinks.http import Answer, HttpClient
from reporter.sinks.problems import NoAnswer, OutOfTime
from reporter.sinks.verdict import outcome_of

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a Pushgateway is and how to be let in: names of files, never a secret itself.

    A credential is sent wherever the user configured one, over plain http too, for gateways
    behind a service mesh; it never follows a redirect, because nothing here does.
    """

    url: str
    username: str = ""
    password_file: str = ""
    token_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class _Push(NamedTuple):
    method: str
    path: str
    text: bytes | None
    ends: float


class Pushgateway:
    """The sink that keeps one group of a Pushgateway as the run wants it."""

    def __init__(self, target: Target, timeout_s: float = 10.0) -> None:
        parts = urlsplit(target.url)
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._credentials = Credentials(target.username, target.password_file, target.token_file)
        self._http = HttpClient(
            target.url,
            ca_file=target.ca_file,
            cert_file=target.cert_file,
            key_file=target.key_file,
        )
        self._gzip = True
        self._gzip_proven_on = 0  # the connection on which the gateway read gzip

    def replace(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        """Make the group hold exactly these families."""
        return self._push("PUT", group, families)

    def add(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        """Replace these families in the group and leave its others."""
        return self._push("POST", group, families)

    def delete(self, group: Mapping[str, str]) -> Outcome:
        """Remove the whole group."""
        return self._deliver("DELETE", group, None)

    def abort(self) -> None:
        """End the request in flight, from any thread."""
        self._http.abort()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def scrubbed(self, text: str) -> str:
        """The text without the credential, whoever wrote it there."""
        return self._credentials.scrubbed(text)

    def _push(self, method: str, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        try:
            text = render(families)
        except ValueError as error:  # a family whose name no gateway would take either
            return Outcome(ok=False, refused=True, problem=str(error.args[0]))
        return self._deliver(method, group, text)

    def _deliver(self, method: str, group: Mapping[str, str], text: bytes | None) -> Outcome:
        began = monotonic()
        path = self._prefix + group_path(group)
        try:
            answer = self._authorized(_Push(method, path, text, began + self._timeout_s))
        except NoAnswer as problem:
            told = self.scrubbed(str(problem))
            return Outcome(
                ok=False,
                denied=problem.denied,
                unsettled=isinstance(problem, OutOfTime),
                problem=told,
                seconds=monotonic() - began,
            )
        return outcome_of(answer, self.scrubbed, monotonic() - began)

    def _authorized(self, push: _Push) -> Answer:
        used = self._credentials.headers()
        answer = self._encoded(push, used)
        if answer.status == 401 and used:
            self._credentials.forget()
            fresh = self._credentials.headers()
            if fresh != used:
                return self._encoded(push, fresh)
        return answer

    def _encoded(self, push: _Push, credentials: Mapping[str, str]) -> Answer:
        if push.text is None:
            return self._send(push, None, credentials)
        headers = {"Content-Type": _TEXT, **credentials}
        if not self._gzip:
            return self._send(push, push.text, headers)
        packed = gzip.compress(push.text, mtime=0)
        answer = self._send(push, packed, {"Content-Encoding": "gzip", **headers})
        if answer.status in {400, 415} and self._gzip_proven_on != self._http.connections:
            return self._plainly(push, headers)
        if answer.status < 300:
            self._gzip_proven_on = self._http.connections
        return answer

    def _plainly(self, push: _Push, headers: Mapping[str, str]) -> Answer:
        """Gateways before 1.5 cannot read gzip, and say so as if the body were wrong."""
        answer = self._send(push, push.text, headers)
        self._gzip = answer.status >= 300
        return answer

    def _send(self, push: _Push, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        left = push.ends - monotonic()
        try:
            return self._http.request(push.method, push.path, body, headers, max(left, 0.001))
        except NoAnswer as problem:
            if monotonic() < push.ends:
                raise
            raise OutOfTime(f"no answer within {self._timeout_s:g} s") from problem


def group_path(group: Mapping[str, str]) -> str:
    """The path of a group: the job first, as the gateway demands, and any text as a value."""
    others = [_segment(label, value) for label, value in group.items() if label != "job"]
    return "/metrics" + "".join([_segment("job", group["job"]), *others])


def _segment(label: str, value: str) -> str:
    # The gateway splits a decoded path, and cleans the dots out of it.
    if value.isascii() and value.isprintable() and "/" not in value and value.strip("."):
        return f"/{label}/{quote(value, safe='')}"
    packed = base64.urlsafe_b64encode(encodable(value).encode()).decode() or "="
    return f"/{label}@base64/{packed}"
