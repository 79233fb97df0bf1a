"""What the sink makes of a gateway's answers, and that none of it shows a secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from reporter.sinks.base import Family, Outcome
from reporter.sinks.http import HttpClient
from reporter.sinks.problems import NoAnswer
from reporter.sinks.pushgateway import Pushgateway, Target
from tests.misbehaving import Misbehaving

GROUP = {"job": "j", "podUUID": "p", "run": "r", "rank": "0"}
FAMILIES = [Family("loss", "Help", (({"metric_name": "loss"}, 0.5),))]
TIMEOUT_S = 5.0


def push(url: str, **target: str) -> Outcome:
    sink = Pushgateway(Target(url, **target), TIMEOUT_S)
    try:
        return sink.replace(GROUP, FAMILIES)
    finally:
        sink.close()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (301, "redirected, which is not followed"),
        (404, "is the path in the gateway's URL right?"),
        (405, "its path prefix right?"),
        (413, "larger than the gateway"),
        (503, "the gateway answered 503"),
    ],
)
def test_e13_e14_e15_a_status_becomes_a_problem_that_helps(status: int, said: str) -> None:
    """The problem says what to do about it; a redirect is never followed."""
    answer = (status, {"Location": "/elsewhere"})
    with Misbehaving("status", [answer]) as gateway:
        outcome = push(gateway.url)
        assert len(gateway.requests) == 1
    assert not any((outcome.ok, outcome.refused, outcome.denied))
    assert said in outcome.problem


@pytest.mark.parametrize("status", [401, 403, 407])
def test_e12_a_denial_is_told_apart(status: int) -> None:
    """A credential that is refused, by the gateway or a proxy (407), is known for what it is:
    trying often is useless."""
    with Misbehaving("status", [(status, {})]) as gateway:
        assert push(gateway.url).denied


def test_e10_a_refusal_carries_the_reason_of_the_gateway() -> None:
    """The gateway's own reason is told.

    400 to gzip and to plain text alike: the body is wrong."""
    with Misbehaving("status", [(400, {}, b"text format parsing error\nmore")]) as gateway:
        outcome = push(gateway.url)
        encodings = [request.headers.get("content-encoding") for request in gateway.requests]
    assert outcome.refused
    assert outcome.problem == "the gateway refuses the body: text format parsing error (400)"
    assert encodings == ["gzip", None]


def test_e22_a_gateway_that_cannot_read_gzip_is_remembered() -> None:
    """A gateway before 1.5 refuses gzip as a bad body: the push is sent again as text, and so are
    all that follow; no family is blamed."""
    with Misbehaving("status", [(400, {}), (200, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        assert sink.replace(GROUP, FAMILIES).ok
        encodings = [request.headers.get("content-encoding") for request in gateway.requests]
        sink.close()
    assert encodings == ["gzip", None, None]
    assert b'loss{metric_name="loss"} 0.5' in gateway.requests[-1].body


def test_e22_a_gateway_that_reads_gzip_gets_a_bad_body_once() -> None:
    """A gateway that once read gzip gets a body that it refuses only once."""
    with Misbehaving("status", [(200, {}), (400, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        assert sink.replace(GROUP, FAMILIES).refused
        assert len(gateway.requests) == 2
        sink.close()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
@pytest.mark.parametrize(
    ("named", "meant"), [("7", 7), ("99999", 300), ("soon", None), ("-1", None), ("", None)]
)
def test_e15_retry_after_is_heard(status: int, named: str, meant: float | None) -> None:
    """A busy gateway may name a time, in seconds or as a date, up to five minutes."""
    with Misbehaving("status", [(status, {"Retry-After": named})]) as gateway:
        assert push(gateway.url).retry_after_s == meant


@pytest.mark.parametrize(("ahead_s", "low", "high"), [(60, 50, 60), (9999, 300, 300), (-9, 0, 0)])
def test_e15_retry_after_may_be_a_date(ahead_s: int, low: float, high: float) -> None:
    """A busy gateway may name a time, in seconds or as a date, up to five minutes."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)
    with Misbehaving("status", [(503, {"Retry-After": date})]) as gateway:
        named = push(gateway.url).retry_after_s
    assert named is not None
    assert low <= named <= high


def test_e12_a_rotated_token_is_read_again(tmp_path: Path) -> None:
    """A credential that was changed in its file is used with the next push."""
    token = tmp_path / "token"
    token.write_text("old\n")
    with Misbehaving("status", [(200, {}), (401, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url, token_file=str(token)), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        assert sink.replace(GROUP, FAMILIES).denied
        token.write_text("newer\n")
        gateway.answers = [(200, {})]
        assert sink.replace(GROUP, FAMILIES).ok
        sink.close()
    used = [request.headers["authorization"] for request in gateway.requests]
    assert used == ["Bearer old", "Bearer old", "Bearer newer"]


def test_e12_a_token_rotated_under_the_same_stamp_is_found_after_a_401(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that shows no change does not lock the run out."""
    monkeypatch.setattr("reporter.sinks.credentials.stamp", lambda path: (1, 1, 1))
    token = tmp_path / "token"
    token.write_text("old")
    with Misbehaving("status", [(200, {}), (401, {}), (200, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url, token_file=str(token)), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        token.write_text("new")
        assert sink.replace(GROUP, FAMILIES).ok
        sink.close()
    assert len(gateway.requests) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "empty"), (b"a\r\nX: b", "one line"), (b"\xff", "not UTF-8")],
)
def test_a_credential_that_cannot_be_sent_is_said(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Nothing is sent, no header is injected, and the text names the file but not the secret."""
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    with Misbehaving("status", [(200, {})]) as gateway:
        outcome = push(gateway.url, token_file=str(token))
        assert gateway.requests == []
    assert said in outcome.problem
    assert "X: b" not in outcome.problem


@pytest.mark.parametrize("kind", ["token", "password"])
@pytest.mark.parametrize("status", [302, 400, 401, 404, 500])
def test_no_problem_shows_a_secret(tmp_path: Path, kind: str, status: int) -> None:
    """Not even when the server echoes the header that it got."""
    file = tmp_path / "secret"
    file.write_text("canary-ü-7f3a" if kind == "password" else "canary-7f3a")
    target = {"username": "me", "password_file": str(file)}
    with Misbehaving("status", [(200, {})]) as gateway:
        sink = Pushgateway(
            Target(gateway.url, **(target if kind == "password" else {"token_file": str(file)})),
            TIMEOUT_S,
        )
        assert sink.replace(GROUP, FAMILIES).ok
        header = gateway.requests[0].headers["authorization"]
        body = f"{header} {file.read_text()} {header}".encode()
        gateway.answers = [(status, {"Location": header}, body)]
        outcome = sink.replace(GROUP, FAMILIES)
        sink.close()
    assert outcome.problem
    assert "canary" not in repr(outcome)
    assert header.split()[1] not in repr(outcome)


def test_a_header_that_cannot_be_sent_does_not_show_its_value() -> None:
    """http.client names the value in its error; ours does not."""
    with Misbehaving("status", [(200, {})]) as gateway:
        client = HttpClient(gateway.url)
        with pytest.raises(NoAnswer) as caught:
            client.request("PUT", "/", b"", {"Authorization": "Bearer canary\n"}, 1)
        client.close()
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_the_shown_url_has_no_user() -> None:
    """What a person sees never holds what might be a password."""
    assert Pushgateway(Target("http://me:canary@host:9091/x")).url == "http://host:9091/x"


def test_e21_a_gateway_that_wants_tls_has_not_refused_the_body() -> None:
    """Plain http towards a gateway that wants TLS is told as such."""
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    with Misbehaving("status", [(400, {}, said)]) as gateway:
        outcome = push(gateway.url)
    assert not outcome.refused
    assert outcome.problem == "the gateway wants https:// (400)"
