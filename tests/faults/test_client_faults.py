"""A gateway that misbehaves costs one request its timeout, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from reporter.sinks.base import Family, Outcome
from reporter.sinks.http import HttpClient
from reporter.sinks.pushgateway import Pushgateway, Target
from tests.misbehaving import Misbehaving, black_hole

pytestmark = pytest.mark.slow  # most of them start processes, or wait for a deadline

GROUP = {"job": "j", "podUUID": "p", "run": "r", "rank": "0"}
FAMILIES = [Family("loss", "Help", (({"metric_name": "loss"}, 0.5),))]
TIMEOUT_S = 0.6


def push(url: str) -> Outcome:
    sink = Pushgateway(Target(url), TIMEOUT_S)
    try:
        return sink.replace(GROUP, FAMILIES)
    finally:
        sink.close()


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("silent", "no answer within 0.6 s"),
        ("drip", "no answer within 0.6 s"),
        ("endless", "the gateway answered 503: " + "x" * 500),
        ("garbage", "the answer is not HTTP"),
        ("reset", "the connection broke"),
        ("short", "the answer was cut short"),
    ],
)
def test_e4_e5_e8_e9_each_misbehaviour_ends_by_the_deadline(mode: str, problem: str) -> None:
    """A push ends by its deadline, says why in one line, and is tried again."""
    with Misbehaving(mode) as gateway:
        began = monotonic()
        outcome = push(gateway.url)
        assert monotonic() - began < TIMEOUT_S + 0.5
    assert not any((outcome.ok, outcome.refused, outcome.denied))
    assert outcome.problem == problem
    assert 0 < outcome.seconds < TIMEOUT_S + 0.5


def test_e4_a_tls_handshake_that_hangs_ends_by_the_deadline() -> None:
    """The deadline holds in a TLS handshake too."""
    with Misbehaving("silent") as gateway:
        outcome = push(f"https://127.0.0.1:{gateway.port}")
    assert outcome.problem == "no answer within 0.6 s"
    assert outcome.seconds < TIMEOUT_S + 0.5


def test_e5_the_sink_recovers_with_the_gateway() -> None:
    """After a failure the next push uses a new connection and is served."""
    with Misbehaving("drip", [(200, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        assert not sink.replace(GROUP, FAMILIES).ok
        gateway.mode = "status"
        assert sink.replace(GROUP, FAMILIES).ok
        assert gateway.accepted == 2
        sink.close()


def in_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def aborted_when(ready: Callable[[], object], sink: Pushgateway) -> tuple[Outcome, float]:
    """The outcome of a push that is aborted once `ready`, and how long the abort took."""
    outcomes: list[Outcome] = []
    pushing = in_thread(lambda: outcomes.append(sink.replace(GROUP, FAMILIES)))
    ready()
    began = monotonic()
    while pushing.is_alive() and monotonic() < began + 5:
        sink.abort()
        pushing.join(0.05)
    return outcomes[0], monotonic() - began


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_e4_abort_ends_a_silent_request_at_once(scheme: str) -> None:
    """Leaving does not wait for a push that hangs: it is given up, in a TLS handshake too."""
    with Misbehaving("silent") as gateway:
        sink = Pushgateway(Target(f"{scheme}://127.0.0.1:{gateway.port}"), 20)
        outcome, took = aborted_when(lambda: gateway.arrived.wait(5), sink)
        sink.close()
    assert outcome.problem == "given up"
    assert took < 0.5


def test_abort_without_a_request_changes_nothing() -> None:
    """An abort that comes too late does not end the next request."""
    with Misbehaving("status", [(200, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        sink.abort()
        assert sink.replace(GROUP, FAMILIES).ok
        sink.abort()
        assert sink.replace(GROUP, FAMILIES).ok
        sink.close()


def test_e1_a_closed_port_is_refused_at_once() -> None:
    """A closed port is told in two words: connection refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert push(f"http://127.0.0.1:{port}").problem == "connection refused"


def test_e7_an_unknown_host_is_said() -> None:
    """A name that does not resolve is told as such, by the deadline."""
    outcome = push("http://gateway.invalid:9091")
    assert outcome.problem.startswith(("host name lookup failed: ", "no answer within"))
    assert outcome.seconds < TIMEOUT_S + 0.5


def test_e7_a_lookup_that_hangs_ends_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup that hangs costs a push its deadline, and is never started twice meanwhile.

    getaddrinfo has no timeout: it is waited for and left."""
    answer, real, calls = threading.Event(), socket.getaddrinfo, []

    def hanging(host: str, port: int, **options: int) -> object:
        if host != "gateway.test":
            return real(host, port, **options)
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "a name")
        calls.append(host)
        answer.wait(10)
        return real("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    with Misbehaving("status", [(200, {})]) as gateway:
        sink = Pushgateway(Target(f"http://gateway.test:{gateway.port}"), TIMEOUT_S)
        for _ in range(2):
            outcome = sink.replace(GROUP, FAMILIES)
            assert outcome.problem == "no answer within 0.6 s"
            assert outcome.seconds < TIMEOUT_S + 0.5
        assert aborted_when(lambda: None, sink)[0].problem == "given up"
        assert calls == ["gateway.test"]
        answer.set()
        assert sink.replace(GROUP, FAMILIES).ok
        sink.close()


@pytest.fixture
def dead_port() -> Iterator[int]:
    """Connecting to it neither works nor fails."""
    with black_hole() as port:
        yield port


def test_e6_a_connect_black_hole_ends_by_the_deadline(dead_port: int) -> None:
    """Connecting counts towards the deadline."""
    outcome = push(f"http://127.0.0.1:{dead_port}")
    assert outcome.problem == "no answer within 0.6 s"
    assert outcome.seconds < TIMEOUT_S + 0.5


def test_e6_connecting_takes_two_seconds_at_most(dead_port: int) -> None:
    """Connecting takes two seconds at most: another address may be alive."""
    sink = Pushgateway(Target(f"http://127.0.0.1:{dead_port}"), 10)
    outcome = sink.replace(GROUP, FAMILIES)
    assert outcome.problem == "no connection within 2 s"
    assert 1.9 < outcome.seconds < 2.5


def test_e6_abort_ends_a_connect_at_once(dead_port: int) -> None:
    """Leaving does not wait for a connection that does not come."""
    sink = Pushgateway(Target(f"http://127.0.0.1:{dead_port}"), 20)
    outcome, took = aborted_when(lambda: None, sink)
    assert outcome.problem == "given up"
    assert took < 0.5


def test_e23_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose first address is dead is reached by its second."""
    real = socket.getaddrinfo

    def two(host: str, port: int, **options: int) -> list[object]:
        return [*real("::1", 1, **options), *real("127.0.0.1", port, **options)]

    with Misbehaving("status", [(200, {})]) as gateway:
        monkeypatch.setattr(socket, "getaddrinfo", two)
        assert push(gateway.url).ok


def test_e23_a_dead_address_costs_its_timeout_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that worked is the first to be tried from then on: a dead one costs its two
    seconds once, and not at every new connection."""
    real = socket.getaddrinfo
    with Misbehaving("hangup") as gateway, black_hole("127.0.0.2", gateway.port) as dead:

        def two(host: str, port: int, **options: int) -> list[object]:
            return [*real("127.0.0.2", dead, **options), *real("127.0.0.1", port, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        sink = Pushgateway(Target(gateway.url), 10)
        outcomes = [sink.replace(GROUP, FAMILIES) for _ in range(3)]
        sink.close()
        assert gateway.accepted == 3
    assert all(outcome.ok for outcome in outcomes)
    assert outcomes[0].seconds > 1.9
    assert max(outcome.seconds for outcome in outcomes[1:]) < 1


def test_e23_an_address_that_died_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the address that worked dies, the others are tried behind it."""
    with Misbehaving("status", [(200, {})]) as alive, Misbehaving("hangup") as dying:
        real, ports = socket.getaddrinfo, (dying.port, alive.port)

        def two(host: str, port: int, **options: int) -> list[object]:
            return [each for port in ports for each in real("127.0.0.1", port, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        sink = Pushgateway(Target(dying.url), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        assert (dying.accepted, alive.accepted) == (1, 0)
        dying.__exit__(None, None, None)
        assert sink.replace(GROUP, FAMILIES).ok
        assert alive.accepted == 1
        sink.close()


def test_e8_an_idle_connection_that_was_closed_is_replaced() -> None:
    """An idle connection that the gateway closed is replaced, and the push sent again, unseen."""
    with Misbehaving("hangup") as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        assert sink.replace(GROUP, FAMILIES).ok
        assert sink.replace(GROUP, FAMILIES).ok
        assert gateway.accepted == 2
        sink.close()


def test_the_connection_is_kept() -> None:
    """Pushes share one connection as long as the gateway keeps it."""
    with Misbehaving("status", [(200, {})]) as gateway:
        sink = Pushgateway(Target(gateway.url), TIMEOUT_S)
        assert all(sink.replace(GROUP, FAMILIES).ok for _ in range(3))
        assert gateway.accepted == 1
        sink.close()


@pytest.mark.parametrize("mode", ["endless", "status"])
def test_e9_at_most_64_kib_of_an_answer_are_read(mode: str) -> None:
    """64 KiB of an answer are read, and its connection is not used again."""
    with Misbehaving(mode, [(200, {}, b"x" * 100_000), (200, {})]) as gateway:
        client = HttpClient(gateway.url)
        assert len(client.request("PUT", "/", b"", {}, 2).body) == 64 * 1024
        gateway.mode = "status"
        assert client.request("PUT", "/", b"", {}, 2).status == 200
        assert gateway.accepted == len(gateway.requests) == 2
        client.close()
