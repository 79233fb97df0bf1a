"""After the end and in a forked copy: nothing more is written, by name or by handle."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from reporter.board.layout import AFTER_END, POINTS, SIZE, TAKEN, Memory
from reporter.board.newest import Newest
from reporter.board.ring import LEASE, Ring
from tests.unit.board.boards import Taker

KINDS = [Ring, Newest]


def content(memory: Memory) -> bytes:
    """Every byte of the shared memory."""
    return bytes(memory.messages.obj)


def test_the_content_is_all_of_it(memory: Memory) -> None:
    """The comparison below sees every area."""
    assert len(content(memory)) == SIZE
    before = content(memory)
    memory.board_drops[16_383] += 1
    assert content(memory) != before


@pytest.mark.parametrize("reported", [0, 1, LEASE - 1, LEASE, LEASE + 1, POINTS, POINTS + 3])
def test_every_leased_slot_is_filled_or_marked_at_the_end(memory: Memory, reported: int) -> None:
    """The sender need not wait for slots that nobody will fill."""
    ring, taker = Ring(memory), Taker(memory)
    a = ring.metric("a")
    for n in range(reported):
        a(n)
    ring.stop()
    assert 0 not in memory.tags[: memory.words[TAKEN]].tolist()
    assert len(taker.take()) == min(reported, POINTS)
    assert not taker.reader.unfinished()
    assert taker.bad == taker.overflows == 0


@pytest.mark.parametrize("kind", KINDS)
def test_c20_a_report_after_the_end_is_counted_and_warned_of_once(
    memory: Memory, kind: type[Ring | Newest]
) -> None:
    """A report after the end raises nothing; it is dropped, counted and warned of once.

    Known names, new names, handles, bad values: each is a late report.
    """
    warned: list[str] = []
    writer = kind(memory, warn=warned.append)
    known = writer.metric("known")
    known(1)
    writer.report_metric("known", 1, 1)
    Taker(memory).take()
    writer.stop()
    before = content(memory)
    late: list[Callable[[], None]] = [
        lambda: writer.report_metric("known", 2),
        lambda: writer.report_metric("known", 2, 3),
        lambda: writer.report_metric("known", "text"),
        lambda: writer.report_metric("new", 1),
        lambda: writer.report_metric("new", "text"),
        lambda: known(2),
        lambda: known(2, 3),
        lambda: known("text"),
    ]
    for report in late:
        report()
    assert memory.words[AFTER_END] == len(late)
    assert warned == ["a report came after the run had ended; it is dropped and counted"]
    memory.words[AFTER_END] = 0
    assert content(memory) == before


@pytest.mark.parametrize("kind", KINDS)
def test_c20_ending_twice_changes_nothing(memory: Memory, kind: type[Ring | Newest]) -> None:
    """A second end finds nothing to do."""
    writer = kind(memory)
    writer.report_metric("a", 1)
    writer.stop()
    before = content(memory)
    writer.stop()
    assert content(memory) == before


def let_go_before_line(at: int, writer: Ring | Newest, call: str, name: str) -> bool:
    """Call it, and end the run before the n-th line that it runs; False if it runs no more."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if event == "line" and frame.f_code.co_name == call:
            seen += 1
            if seen == at:
                writer.let_go()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        getattr(writer, call)(name)
    finally:
        sys.settrace(before)
    return seen >= at


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["known", "new"])
@pytest.mark.parametrize("call", ["metric", "warm", "cool"])
def test_c9_a_run_that_ends_amid_a_call_raises_nothing_there(
    call: str, name: str, kind: type[Ring | Newest], memory: Memory
) -> None:
    """Another thread or a signal handler may end it before any line of what training has called."""
    for at in itertools.count(1):
        writer = kind(memory)
        writer.metric("known")(1)
        if not let_go_before_line(at, writer, call, name):
            assert at > 3
            return


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ended", [False, True])
def test_c1_a_detached_copy_writes_not_a_byte(
    memory: Memory, kind: type[Ring | Newest], ended: bool
) -> None:
    """A forked child writes not a byte into its parent's memory, by handles from before the fork
    neither.

    By known and new names, whatever the value.
    """
    writer = kind(memory)
    known = writer.metric("known")
    known(1)
    if ended:
        writer.stop()
    before = content(memory)
    writer.detach()
    for value in (2, "text", 10**400, None):
        writer.report_metric("known", value)
        writer.report_metric("known", value, 3)
        writer.report_metric("new", value)
        known(value)
        known(value, 3)
        writer.metric("another")(value)
        writer.metric("known")(value, 1)
    assert content(memory) == before


@pytest.mark.parametrize("kind", KINDS)
def test_c1_a_copy_detached_while_the_ring_was_full_counts_nothing(
    memory: Memory, kind: type[Ring | Newest]
) -> None:
    """Nor does it, forked while the ring was full, count a drop."""
    writer = kind(memory)
    a = writer.metric("a")
    for n in range(POINTS + 2):
        a(n)
    before = content(memory)
    writer.detach()
    a(1)
    writer.report_metric("a", 2)
    assert content(memory) == before


@pytest.mark.parametrize("kind", KINDS)
def test_c4_a_copy_does_not_wait_for_a_lock_that_the_parent_held(
    memory: Memory, kind: type[Ring | Newest]
) -> None:
    """A lock that is inherited is never released: a child makes its own."""
    writer = kind(memory)
    writer.report_metric("a", 1)
    held = threading.Thread(target=writer.lock.acquire)
    held.start()
    held.join()
    writer.detach()
    writer.report_metric("b", 1)
    writer.stop()
    assert not writer.live


def test_c9_c20_reports_while_another_thread_ends_the_run(memory: Memory) -> None:
    """Of reports that race with the end each is recorded or counted, exactly."""
    ring, taker, reported = Ring(memory), Taker(memory), [0] * 4

    def report(n: int) -> None:
        handle = ring.metric(f"m{n}")
        while not memory.words[AFTER_END]:
            handle(1)
            ring.report_metric("shared", 2, 3)
            reported[n] += 2
        handle(4)
        reported[n] += 1

    running = [threading.Thread(target=report, args=(n,)) for n in range(len(reported))]
    for thread in running:
        thread.start()
    while not memory.tags[2000]:
        pass
    ring.stop()
    for thread in running:
        thread.join()
    taker.take()
    assert not taker.reader.unfinished()
    assert memory.words[AFTER_END] >= len(reported)
    dropped = sum(memory.board_drops)
    assert len(taker.points) + dropped + memory.words[AFTER_END] == sum(reported)
