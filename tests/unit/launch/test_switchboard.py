"""The line between `reporter run` and what is below it."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from reporter.launch.switchboard import Switchboard
from reporter.run.wrapper import VARIABLE, Line, take_run
from tests.waiting import wait_for

SENDER = {"record": "/somewhere", "trainer": 7, "rank": 2}


MINE = {"id": "mine", "name": "n", "token": "t", "group": {}, "project": "p", "dir": "d"}


def _take(rank: int, _gateway: str | None) -> dict[str, Any] | None:
    return MINE if rank == 0 else None


@pytest.fixture
def switchboard() -> Switchboard:
    return Switchboard(_take)


def test_a_reporter_is_given_the_run_of_its_rank(switchboard: Switchboard) -> None:
    """Or nothing; either way its sender is awaited, until it calls."""
    below = {VARIABLE: switchboard.way}
    assert take_run(below, 0) == MINE
    assert switchboard.awaited()
    assert take_run(below, 1) is None
    lines = [Line(switchboard.way, SENDER) for _ in range(2)]
    wait_for(lambda: len(switchboard.senders()) == 2, what="both senders")
    assert not switchboard.awaited()
    for line in lines:
        line.hang_up()
    wait_for(lambda: not switchboard.senders(), what="both senders to end")
    assert [(each.rank, each.record) for each in switchboard.called] == [(2, "/somewhere")] * 2
    assert {each.user for each in switchboard.called} == {os.getuid()}


def test_a_sender_is_told_once(switchboard: Switchboard) -> None:
    """How its trainer ended; until then it hears nothing, and does not wait."""
    line = Line(switchboard.way, SENDER)
    (sender,) = wait_for(switchboard.senders, what="the sender")
    assert line.heard() is None
    assert line.open
    sender.tell({"state": 3})
    assert line.heard(5) == {"state": 3}
    assert sender.told
    line.hang_up()
    assert not line.open


def test_without_the_key_nobody_is_heard(switchboard: Switchboard) -> None:
    """The name shows to everybody on the machine: it is not enough."""
    name, _, _ = switchboard.way.partition("/")
    for way in (name, f"{name}/", f"{name}/guessed", f"{name}/guessed/7"):
        assert take_run({VARIABLE: way}, 0) is None
        Line(way, SENDER).heard(5)
    assert (switchboard.senders(), switchboard.awaited()) == ([], False)
    assert take_run({VARIABLE: switchboard.way}, 0) == MINE


@pytest.mark.parametrize("told", [{}, {"take": "x"}, {"take": None}, {"record": 1}])
def test_nonsense_ends_nothing(told: dict[str, Any], switchboard: Switchboard) -> None:
    line = Line(switchboard.way, told)
    assert line.heard(5) is None
    assert take_run({VARIABLE: switchboard.way}, 0) == MINE


@contextmanager
def _connected(switchboard: Switchboard) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect("\0" + switchboard.way.partition("/")[0])
        yield line


def test_nonsense_that_is_deep_ends_nothing(switchboard: Switchboard) -> None:
    """Whoever is on the machine may send it: it is not answered, and not worth a traceback."""
    with _connected(switchboard) as line:
        line.send(b"[" * 16_000)
        line.settimeout(5)
        assert line.recv(1) == b""
    assert take_run({VARIABLE: switchboard.way}, 0) == MINE


def test_those_that_say_nothing_are_bounded(switchboard: Switchboard) -> None:
    """Whoever is on the machine may connect: it costs few threads, and locks nobody out."""
    before, most = threading.active_count(), 0
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(_connected(switchboard))
            most = max(most, threading.active_count() - before)
        assert most < 100
        below = {VARIABLE: switchboard.way}
        wait_for(lambda: take_run(below, 0) == MINE, 0.9, "the run, before their time is over")


def test_a_reporter_that_did_not_wait_has_not_taken_the_run() -> None:
    """It is seen, whether it hung up before the answer came or without having read it."""
    asked, go_on, not_taken = threading.Event(), threading.Event(), threading.Event()

    def take(_rank: int, _gateway: str | None) -> dict[str, Any]:
        asked.set()
        go_on.wait(5)
        return MINE

    switchboard = Switchboard(take, not_taken.set)
    line = Line(switchboard.way, {"take": 0, "gateway": None})
    assert asked.wait(5)
    line.hang_up()
    go_on.set()
    assert not_taken.wait(5)
    not_taken.clear()
    line = Line(switchboard.way, {"take": 0, "gateway": None})
    wait_for(lambda: _readable(line), what="the answer")
    line.hang_up()
    assert not_taken.wait(5)
    not_taken.clear()
    assert take_run({VARIABLE: switchboard.way}, 0) == MINE
    assert not not_taken.wait(0.2)


def _readable(line: Line) -> bool:
    assert line._socket is not None
    return bool(select.select([line._socket], [], [], 0)[0])


def test_without_a_wrapper_there_is_no_run() -> None:
    """No variable, an empty one, or a wrapper that has ended: a Reporter goes on by itself."""
    for environment in ({}, {VARIABLE: ""}, {VARIABLE: "run-reporter-of-yesterday/key"}):
        assert take_run(environment, 0) is None
    assert not Line("run-reporter-of-yesterday/key", SENDER).open
