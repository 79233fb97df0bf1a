"""Rare messages: in order, re-entrant, and counted where they are lost."""

from __future__ import annotations

import signal
from typing import Any

from reporter.board.layout import MESSAGES_BYTES, MESSAGES_LOST, create
from reporter.board.messages import LONGEST, hand_back, receive
from reporter.reporter.outbox import Outbox


def told(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"e": kind, "t": 0.0, "name": name, **fields}


def test_a_message_that_never_fits_stops_no_other() -> None:
    """It is counted at once, and those behind it travel."""
    memory = create(keep_points=False)
    outbox = Outbox(memory)
    assert not outbox.put(told("parameter", "prompt", value="x" * LONGEST))
    assert outbox.put(told("parameter", "lr", value=0.1))
    assert [message["name"] for _, message in receive(memory)[0]] == ["lr"]
    assert memory.words[MESSAGES_LOST] == 1


def test_the_newest_waits_for_room_and_keeps_its_order() -> None:
    """A full area delays parameters: of each name the newest is sent once there is room."""
    memory = create(keep_points=False)
    outbox = Outbox(memory)
    filling = 0
    while memory.words[MESSAGES_LOST] == 0:
        outbox.put(told("note", "", data="x" * 10_000))
        filling += 1
    for value in (1, 2, 3):
        assert outbox.put(told("parameter", "lr", value=value, filler="y" * 10_000))
    assert not outbox.emptied()
    _, position = receive(memory)
    hand_back(memory, position)
    assert outbox.emptied()
    assert [message["value"] for _, message in receive(memory)[0]] == [3]
    assert filling > MESSAGES_BYTES // 11_000


def test_what_still_waits_at_the_end_is_counted() -> None:
    """Giving up is a loss like any other."""
    memory = create(keep_points=False)
    outbox = Outbox(memory)
    while memory.words[MESSAGES_LOST] == 0:
        outbox.put(told("note", "", data="x" * 10_000))
    outbox.put(told("tag", "a", value="y" * 10_000))
    outbox.give_up()
    assert memory.words[MESSAGES_LOST] == 2


def test_a_signal_handler_that_tells_loses_nothing() -> None:
    """A call within a call waits for the outer one, so that no message lands in another."""
    memory = create(keep_points=False)
    outbox = Outbox(memory)
    from_handler = 0

    def handler(*_: object) -> None:
        nonlocal from_handler
        from_handler += 1
        outbox.put(told("milestone", f"h{from_handler}"))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    found: list[str] = []
    try:
        for n in range(5000):
            outbox.put(told("tag", f"t{n}", value="x"))
            if n % 500 == 0:
                messages, position = receive(memory)
                found += [message["name"] for _, message in messages]
                hand_back(memory, position)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found += [message["name"] for _, message in receive(memory)[0]]
    assert from_handler
    assert sorted(found) == sorted(
        [f"t{n}" for n in range(5000)] + [f"h{n + 1}" for n in range(from_handler)]
    )
