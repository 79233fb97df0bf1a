"""Pushes against a gateway that a test scripts: which family is refused, and what is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.sender.pusher import Pusher
from reporter.sinks.base import Family, Outcome
from tests.waiting import wait_for

SECRET = "canary-6f1c"
GROUP = {"job": "j", "run": "r"}
SUPERSEDED: list[Mapping[str, str]] = [{"podUUID": "wrapper"}, {"podUUID": "first attempt"}]
REFUSED = Outcome(ok=False, refused=True, problem="400")
DOWN = Outcome(ok=False, problem="connection refused")


class Gateway:
    """A sink that keeps its group as a gateway does, and refuses whatever holds a bad family."""

    url = "test"

    def __init__(self, bad: Sequence[str] = ()) -> None:
        self.bad = set(bad)
        self.held: set[str] = set()
        self.requests: list[tuple[str, int]] = []
        self.deleted: list[Mapping[str, str]] = []
        self.answer: Callable[[int], Outcome | None] = lambda n: None
        self.aborted = threading.Event()

    def _take(self, verb: str, families: Sequence[Family]) -> Outcome:
        self.requests.append((verb, len(families)))
        said = self.answer(len(self.requests))
        if said is not None:
            return said
        return REFUSED if self.bad & {f.name for f in families} else Outcome(ok=True)

    def replace(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        assert group == GROUP
        outcome = self._take("PUT", families)
        if outcome.ok:
            self.held = {f.name for f in families}
        return outcome

    def add(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        assert group == GROUP
        outcome = self._take("POST", families)
        if outcome.ok:
            self.held |= {f.name for f in families}
        return outcome

    def delete(self, group: Mapping[str, str]) -> Outcome:
        assert group in SUPERSEDED
        self.deleted.append(group)
        return self.answer(len(self.requests)) or Outcome(ok=True)

    def abort(self) -> None:
        self.aborted.set()

    def close(self) -> None:
        pass

    def scrubbed(self, text: str) -> str:
        return text.replace(SECRET, "…")


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def families(count: int) -> list[Family]:
    return [Family(f"f{n}", "help", (({}, 1.0),)) for n in range(count)]


def push(pusher: Pusher, what: Sequence[Family]) -> Outcome:
    """One push from its start to its outcome."""
    pusher.start(what)
    outcome = wait_for(pusher.outcome, what="the push")
    assert outcome is not None
    return outcome


def test_a_push_is_one_request() -> None:
    """A PUT of the whole group."""
    gateway = Gateway()
    pusher = Pusher(gateway, GROUP)
    outcome = push(pusher, families(5))
    assert outcome.ok
    assert gateway.requests == [("PUT", 5)]
    assert (pusher.busy, pusher.quarantined, pusher.refused_ever) == (False, 0, 0)


@given(st.integers(2, 120), st.data())
def test_e10_bisecting_finds_what_is_bad_with_few_requests(count: int, data: st.DataObject) -> None:
    """A refused family is found by halves, in few requests; everything else is on the gateway.

    k bad ones of n: about k·log2(n) requests."""
    bad = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=min(4, count - 1)))
    gateway = Gateway([f"f{n}" for n in bad])
    pusher = Pusher(gateway, GROUP)
    assert push(pusher, families(count)).ok
    assert gateway.held == {f"f{n}" for n in range(count)} - gateway.bad
    assert pusher.quarantined == pusher.refused_ever == len(bad)
    assert len(gateway.requests) <= 2 + len(bad) * 2 * (count.bit_length() + 1)
    assert gateway.requests[0] == ("PUT", count)
    assert gateway.requests[-1] == ("PUT", count - len(bad))
    assert {verb for verb, _ in gateway.requests[1:-1]} == {"POST"}


def test_e10_a_bad_family_is_left_out_for_ten_minutes_and_then_tried_again() -> None:
    """A refused family is left out for ten minutes, and back once the gateway takes it."""
    clock = Clock()
    gateway = Gateway(["f3"])
    pusher = Pusher(gateway, GROUP, clock=clock)
    push(pusher, families(8))
    for _ in range(3):
        clock.now += 190
        gateway.requests.clear()
        assert push(pusher, families(8)).ok
        assert gateway.requests == [("PUT", 7)]
    gateway.bad.clear()
    clock.now += 40
    assert push(pusher, families(8)).ok
    assert gateway.requests[-1] == ("PUT", 8)
    assert (pusher.quarantined, pusher.refused_ever) == (0, 1)


def test_e10_a_family_that_stays_bad_is_bisected_again() -> None:
    """Each time a family is refused it is counted."""
    clock = Clock()
    pusher = Pusher(Gateway(["f3"]), GROUP, clock=clock)
    for expected in (1, 2):
        assert push(pusher, families(8)).ok
        assert (pusher.quarantined, pusher.refused_ever) == (1, expected)
        clock.now += 601


@pytest.mark.parametrize("count", [1, 2, 50])
def test_e10_a_gateway_that_refuses_everything_costs_no_family_its_place(count: int) -> None:
    """A wrong URL that answers 400 to all costs no family its place."""
    gateway = Gateway()
    gateway.answer = lambda n: REFUSED
    pusher = Pusher(gateway, GROUP)
    outcome = push(pusher, families(count))
    assert (outcome.ok, outcome.refused, outcome.problem) == (False, True, "400")
    assert (pusher.quarantined, pusher.refused_ever) == (0, 0)
    gateway.answer = lambda n: None
    assert push(pusher, families(count)).ok
    assert len(gateway.held) == count


def test_e10_a_gateway_that_refuses_everything_is_not_asked_about_each_family() -> None:
    """A gateway that refuses everything meets no storm of requests."""
    gateway = Gateway()
    gateway.answer = lambda n: REFUSED
    pusher = Pusher(gateway, GROUP)
    push(pusher, families(3000))
    assert len(gateway.requests) <= 210
    assert (pusher.quarantined, pusher.refused_ever) == (0, 0)


def test_e10_a_gateway_that_goes_away_in_between_blames_nobody() -> None:
    """A gateway that goes away during the search blames nobody."""
    for at in range(2, 9):
        gateway = Gateway(["f3"])
        gateway.answer = lambda n, at=at: DOWN if n == at else None  # type: ignore[misc]
        pusher = Pusher(gateway, GROUP)
        push(pusher, families(16))
        assert pusher.quarantined == 0
        assert push(pusher, families(16)).ok
        assert gateway.held == {f"f{n}" for n in range(16)} - {"f3"}


@pytest.mark.parametrize("outcome", [DOWN, Outcome(ok=False, denied=True, problem="401")])
def test_e10_only_a_refusal_is_bisected(outcome: Outcome) -> None:
    """Only a refused body is searched: a gateway that is down or says no is asked once."""
    gateway = Gateway()
    gateway.answer = lambda n: outcome
    found = push(Pusher(gateway, GROUP), families(9))
    assert (found.ok, found.denied, found.problem) == (False, outcome.denied, outcome.problem)
    assert len(gateway.requests) == 1


def test_whatever_a_sink_raises_becomes_an_outcome() -> None:
    """The sender outlives any bug of a sink, which is told without a secret, and the next push is
    tried."""
    gateway = Gateway()

    def fail(n: int) -> Outcome:
        raise RuntimeError(f"a bug with {SECRET}")

    gateway.answer = fail
    pusher = Pusher(gateway, GROUP)
    outcome = push(pusher, families(3))
    assert (outcome.ok, outcome.problem) == (False, "RuntimeError: a bug with …")
    gateway.answer = lambda n: None
    assert push(pusher, families(3)).ok


def test_an_outcome_says_how_long_the_push_took() -> None:
    """By the pusher's clock, the search for a bad family included."""
    clock, gateway = Clock(), Gateway()

    def slow(n: int) -> None:
        clock.now += 2.5

    gateway.answer = slow
    assert push(Pusher(gateway, GROUP, clock=clock), families(3)).seconds == 2.5


def test_one_push_in_flight_and_its_outcome_once() -> None:
    """A second one is refused until the first one's outcome was taken; the end is announced."""
    gateway, go, done = Gateway(), threading.Event(), threading.Event()

    def wait(n: int) -> None:
        assert go.wait(30)

    gateway.answer = wait
    pusher = Pusher(gateway, GROUP, on_done=done.set)
    pusher.start(families(2))
    assert pusher.busy
    assert pusher.in_flight
    assert pusher.outcome() is None
    with pytest.raises(RuntimeError, match="in flight"):
        pusher.start(families(2))
    pusher.abort()
    assert gateway.aborted.is_set()
    go.set()
    assert done.wait(30)
    assert pusher.busy
    assert not pusher.in_flight, "the gateway has answered, whether or not that was looked at"
    outcome = pusher.outcome()
    assert outcome is not None
    assert outcome.ok
    assert pusher.outcome() is None
    assert not pusher.busy


def test_a_family_that_is_gone_leaves_no_trace() -> None:
    """The group holds exactly what the newest push named."""
    gateway = Gateway(["f1"])
    pusher = Pusher(gateway, GROUP)
    push(pusher, families(6))
    push(pusher, families(3))
    assert gateway.held == {"f0", "f2"}


def test_a_machine_that_gives_no_thread_costs_one_push(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failure like any other: the next push finds the way free."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pusher = Pusher(Gateway(), GROUP)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        pusher.start(families(1))
    outcome = pusher.outcome()
    assert outcome is not None
    assert (outcome.ok, outcome.problem) == (False, "can't start new thread")
    assert push(pusher, families(1)).ok


def test_every_superseded_group_is_removed_once_the_gateway_is_there() -> None:
    """That of a wrapper and that of the attempt before, each until it is known to be gone."""
    gateway = Gateway()
    pusher = Pusher(gateway, GROUP)
    pusher.superseded = list(SUPERSEDED)
    gateway.answer = lambda _: DOWN
    assert not push(pusher, families(1)).ok
    gateway.answer = lambda _: None
    for _ in range(2):
        assert push(pusher, families(1)).ok
    assert gateway.deleted == [*SUPERSEDED, *SUPERSEDED]
