"""Owns what an answer of a gateway means for the sender, and for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reporter.sinks.base import Outcome
from reporter.sinks.http import Answer

RETRY_AFTER_LIMIT_S = 300.0
_SAID_LIMIT = 500  # the gateway names the whole series before it says what is wrong with it

_HINTS = {
    401: "the gateway wants a credential that it knows",
    403: "the gateway does not allow this credential to push",
    404: "nothing takes pushes there: is the path in the gateway's URL right?",
    405: "what answers there takes no pushes: is it a Pushgateway, and its path prefix right?",
    407: "the proxy wants a user and password",
    413: "the body is larger than the gateway, or a proxy before it, allows",
    431: "the group's labels are longer than the gateway allows",
}
_BUSY = (408, 425, 429)
_PLAIN_TO_TLS = "client sent an http request to an https server"


def outcome_of(answer: Answer, scrubbed: Callable[[str], str], seconds: float) -> Outcome:
    """The outcome of a request that was answered."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(ok=True, seconds=seconds)
    said = scrubbed(_first_line(answer.body))
    if status == 400 and _PLAIN_TO_TLS in said.lower():
        return Outcome(ok=False, problem="the gateway wants https:// (400)", seconds=seconds)
    return Outcome(
        ok=False,
        refused=status == 400,
        denied=status in {401, 403, 407},
        problem=_problem(status, said),
        seconds=seconds,
        retry_after_s=_retry_after_s(answer),
    )


def _problem(status: int, said: str) -> str:
    if 300 <= status < 400:
        return f"redirected, which is not followed: give the gateway's final URL ({status})"
    if status == 400:
        return f"the gateway refuses the body: {said} (400)"
    if status in _HINTS:
        return f"{_HINTS[status]} ({status})"
    return f"the gateway answered {status}: {said}" if said else f"the gateway answered {status}"


def _first_line(body: bytes) -> str:
    lines = body[:2000].decode("utf-8", "replace").strip().splitlines()
    line = lines[0] if lines else ""
    return "".join(c for c in line if c.isprintable())[:_SAID_LIMIT]


def _retry_after_s(answer: Answer) -> float | None:
    if answer.status not in _BUSY and answer.status < 500:
        return None
    named = answer.headers.get("retry-after", "").strip()
    if named.isascii() and named.isdigit():
        return min(float(named), RETRY_AFTER_LIMIT_S)
    try:
        until = parsedate_to_datetime(named).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), RETRY_AFTER_LIMIT_S)
