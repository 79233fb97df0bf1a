"""The ring: every point in order, and the newest value right whatever overflows."""

from __future__ import annotations

import itertools
import struct
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from reporter.board import ring as ring_module
from reporter.board.layout import DONE, NO_VALUE, POINTS, TAIL, TAKEN, Memory, attach
from reporter.board.reader import BLOCK, Reader
from reporter.board.ring import LEASE, Ring, lease_of
from tests.unit.board.boards import Taker

BLANK = struct.unpack("d", struct.pack("Q", NO_VALUE))[0]


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_points_arrive_in_order_with_their_steps(memory: Memory) -> None:
    """By name, by keyword and by handle, with and without a step."""
    ring, taker = Ring(memory), Taker(memory)
    handle = ring.metric("b")
    ring.report_metric("a", 1)
    ring.report_metric("a", 2.5, 7)
    handle(3)
    handle(4, 8)
    ring.report_metric("a", 5, step=0)
    assert taker.take() == [(2, 1, None), (2, 2.5, 7), (1, 3, None), (1, 4, 8), (2, 5, 0)]
    assert taker.take() == []


def test_the_same_memory_is_read_through_its_descriptor(memory: Memory) -> None:
    """What the sender maps is what the Reporter writes; another layout is refused."""
    Ring(memory).report_metric("a", 1.5)
    other = attach(memory.descriptor)
    assert Taker(other).take() == [(1, 1.5, None)]
    other.words[0] = 99
    with pytest.raises(RuntimeError, match="different versions"):
        attach(memory.descriptor)


def test_nonfinite_values_are_points(memory: Memory) -> None:
    """NaN and the infinities are legal and arrive as they are."""
    ring, taker = Ring(memory), Taker(memory)
    for value in (float("nan"), float("inf"), float("-inf")):
        ring.report_metric("a", value)
    assert [repr(value) for _, value, _ in taker.take()] == ["nan", "inf", "-inf"]


@pytest.mark.slow
def test_many_laps_with_a_reader_close_behind(memory: Memory) -> None:
    """No point is lost or doubled over several laps, whatever the lease and block borders."""
    ring, taker = Ring(memory), Taker(memory)
    handle, sent, lap = ring.metric("a"), 0, 60_001
    while sent < 3 * POINTS:
        for n in range(sent, sent + lap):
            handle(n, n)
        sent += lap
        taken = taker.take()
        assert taken == [(1, n, n) for n in range(sent - lap, sent)]
        taker.points.clear()
    assert memory.words[TAIL] == sent
    assert sum(memory.board_drops) == 0


def test_a_full_ring_drops_the_newest_and_counts_each(memory: Memory) -> None:
    """The history keeps what fits; drops are exact per metric; the board knows the newest."""
    ring, taker = Ring(memory), Taker(memory)
    a, b = ring.metric("a"), ring.metric("b")
    for n in range(POINTS - 1):
        a(n)
    b(1)
    for n in range(100):
        a(-n)
        ring.report_metric("b", -2 * n, step=n)
    b(0.5)
    assert (memory.board_drops[1], memory.board_drops[2]) == (100, 101)
    taken = taker.take()
    assert (len(taken), taken[-2:]) == (POINTS, [(1, POINTS - 2, None), (2, 1, None)])
    assert taker.newest == {1: (-99, None), 2: (0.5, 99)}
    assert taker.reader.ring_drops() == 201


def test_a_point_after_the_drops_is_newer_than_the_board(memory: Memory) -> None:
    """Once there is room again, the ring tells the newest; what was dropped is older."""
    ring, taker = Ring(memory), Taker(memory)
    a, b = ring.metric("a"), ring.metric("b")
    for n in range(POINTS + 10):
        a(n)
    b(7)
    taker.take()
    assert taker.newest == {1: (POINTS + 9, None), 2: (7, None)}
    a(-1)
    taker.take()
    assert taker.newest == {1: (-1, None), 2: (7, None)}
    assert (memory.board_drops[1], memory.board_drops[2]) == (10, 1)


def test_drops_while_the_reader_works_are_newer_than_what_it_took(memory: Memory) -> None:
    """The board's position lies behind the whole ring: older points never win over it."""
    ring, taker = Ring(memory), Taker(memory)
    a = ring.metric("a")
    for n in range(POINTS):
        a(n)
    blocks = taker.reader.blocks()
    first = next(blocks)
    a(-5)  # dropped: the reader has not handed anything back
    taker.reader.saw(1, first.position(BLOCK - 1))
    taker.reader.hand_back(first.span)
    assert list(taker.reader.board()) == [(1, -5, None)]
    taker.take()
    assert taker.newest == {1: (-5, None)}


def test_a_full_ring_opens_as_soon_as_a_block_is_handed_back(memory: Memory) -> None:
    """A drop lasts no longer than the want of room."""
    ring, taker = Ring(memory), Taker(memory)
    a = ring.metric("a")
    for n in range(POINTS + 1):
        a(n)
    taker.reader.hand_back(next(taker.reader.blocks()).span)
    for n in range(BLOCK):
        a(-n)
    assert memory.board_drops[1] == 1
    a(1)
    assert memory.board_drops[1] == 2


def test_a_lease_ends_where_unread_points_begin(memory: Memory) -> None:
    """Room for ten is room for ten: the eleventh would overwrite what nobody has read."""
    ring, taker = Ring(memory), Taker(memory)
    a = ring.metric("a")
    for n in range(POINTS):
        a(n)
    taker.reader.hand_back(10)
    for n in range(15):
        a(-n)
    assert memory.board_drops[1] == 5
    taken = [value for _, value, _ in taker.take()]
    assert taken == [*range(10, POINTS), *(-n for n in range(10))]


def test_a_lease_is_small_and_never_beyond_the_room(memory: Memory) -> None:
    """What is leased is known to be free, and said before it is used."""
    ring = Ring(memory)
    ring.report_metric("a", 1)
    assert memory.words[TAKEN] == LEASE
    for n in range(POINTS + 5):
        ring.report_metric("a", n)
    assert memory.words[TAKEN] == POINTS


def test_the_blank_value_itself_arrives_after_a_moment(memory: Memory) -> None:
    """Someone reports the very NaN that marks an unwritten slot: it waits a second, then counts."""
    clock = Clock()
    ring, taker = Ring(memory), Taker(memory, clock=clock)
    ring.report_metric("a", 1)
    ring.report_metric("a", BLANK)
    ring.report_metric("a", 3)
    assert taker.take() == [(1, 1, None)]
    clock.now = 0.9
    assert taker.take() == []
    clock.now = 1.1
    late = taker.take()
    assert [repr(value) for _, value, _ in late] == ["nan", "3.0"]


def test_the_blank_step_itself_arrives_after_a_moment(memory: Memory) -> None:
    """The same for the step that nobody reports."""
    clock = Clock()
    ring, taker = Ring(memory), Taker(memory, clock=clock)
    ring.report_metric("a", 0)
    ring.report_metric("a", 1, -(2**63))
    ring.report_metric("a", 2, 5)
    assert taker.take() == [(1, 0, None)]
    clock.now = 0.9
    assert taker.take() == []
    clock.now = 1.1
    assert [value for _, value, _ in taker.take()] == [1, 2]


@pytest.mark.parametrize("free_threaded", [False, True])
def test_a_lease_hands_out_each_slot_once(
    monkeypatch: pytest.MonkeyPatch, free_threaded: bool
) -> None:
    """On both kinds of builds: all of the stretch, nothing beyond, and then it stays used up."""
    monkeypatch.setattr(ring_module, "FREE_THREADED", free_threaded)
    lease = lease_of(5, 9)
    assert list(lease) == [5, 6, 7, 8]
    assert list(lease) == []
    assert list(lease_of(3, 3)) == []


def test_a_full_ring_is_counted_exactly_without_a_gil_too(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    """There the drop is counted under the lock instead of in line."""
    monkeypatch.setattr(ring_module, "FREE_THREADED", True)
    ring, taker = Ring(memory), Taker(memory)
    a = ring.metric("a")
    for n in range(POINTS + 25):
        a(n, n)
    assert memory.board_drops[1] == 25
    assert len(taker.take()) == POINTS
    assert taker.newest == {1: (POINTS + 24, POINTS + 24)}


def test_a_slow_call_tends_the_sender_and_a_hot_one_does_not(memory: Memory) -> None:
    """A new name and a used-up lease look after the sender; the hot path pays nothing for it."""
    tended: list[int] = []
    ring = Ring(memory, tend=lambda: tended.append(1))
    ring.report_metric("a", 0)
    for n in range(LEASE - 1):
        ring.report_metric("a", n)
    assert len(tended) == 1
    ring.report_metric("a", 0)
    assert len(tended) == 2


def test_a_full_ring_still_tends_the_sender(memory: Memory) -> None:
    """A sender that died leaves the ring full: that must not keep its successor away."""
    tended: list[int] = []
    ring = Ring(memory, tend=lambda: tended.append(1))
    a = ring.metric("a")
    for n in range(POINTS + 2):
        a(n)
    before = len(tended)
    for n in range(10_000):
        a(n)
    assert len(tended) > before


class Killed(BaseException):
    """Stands for the death of a reader between two lines."""


def stop_before_line(at: int, call: Callable[[int], None], argument: int) -> bool:
    """Call it and stop before the n-th line that it runs; False if it runs no more than that."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if event == "line" and frame.f_code.co_name == call.__name__:
            seen += 1
            if seen == at:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call(argument)
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


class TestTakeover:
    """A reader that dies is followed by another one, which loses nothing."""

    def test_killed_before_it_recorded_a_block(self, memory: Memory) -> None:
        """What was taken and not recorded is taken again."""
        Ring(memory).report_metric("a", 1)
        assert len(next(Reader(memory).blocks()).tags) == 1
        assert Taker(memory).take() == [(1, 1, None)]

    def test_killed_between_recording_and_handing_back(self, memory: Memory) -> None:
        """The record says how far it goes: what it holds is not taken twice, the rest once."""
        ring = Ring(memory)
        for n in range(BLOCK + 10):
            ring.report_metric("a", n)
        block = next(Reader(memory).blocks())
        successor = Taker(memory, recorded_to=block.start + block.span)
        assert [v for _, v, _ in successor.take()] == list(range(BLOCK, BLOCK + 10))
        assert memory.words[TAIL] == BLOCK + 10

    def test_killed_anywhere_while_handing_back(self, memory: Memory) -> None:
        """Stopped before each line of it: the successor neither loses nor doubles a point."""
        ring, n = Ring(memory), 0
        for stop_at in itertools.count(1):
            dead = Taker(memory)
            for n in range(n, n + 20):  # noqa: B020 - it goes on counting
                ring.report_metric("a", n, n)
            block = next(dead.reader.blocks())
            stopped = stop_before_line(stop_at, dead.reader.hand_back, block.span)
            successor = Taker(memory, recorded_to=block.start + block.span)
            assert successor.take() == []
            assert memory.words[TAIL] == block.start + block.span
            again = Taker(memory)
            assert (again.take(), again.reader.at) == ([], memory.words[TAIL])
            if not stopped:
                assert stop_at > 8
                return

    def test_killed_while_handing_back_without_a_record(self, memory: Memory) -> None:
        """The memory alone tells the successor where to go on: blank slots are never met."""
        for stop_at in itertools.count(1):
            ring, dead = Ring(memory), Taker(memory)
            ring.state = (memory.words[TAIL], iter(()))
            for n in range(20):
                ring.report_metric("a", n)
            span = next(dead.reader.blocks()).span
            stopped = stop_before_line(stop_at, dead.reader.hand_back, span)
            successor = Taker(memory)
            assert len(successor.take()) in (0, 20)
            ring.report_metric("a", -1)
            assert successor.take() == [(1, -1, None)]
            if not stopped:
                return

    @pytest.mark.parametrize("blanked", [0, 1, 7, 20])
    def test_killed_while_blanking(self, memory: Memory, blanked: int) -> None:
        """Half-blank slots are blanked again; the next lap finds them blank."""
        ring, dead = Ring(memory), Reader(memory)
        for n in range(20):
            ring.report_metric("a", n, n)
        memory.words[DONE] = 20  # what hand_back says first
        memory.tags[:blanked] = memoryview(bytes(4 * blanked)).cast("i")
        assert memory.words[TAIL] == dead.at == 0
        successor = Taker(memory)
        assert (successor.take(), memory.words[TAIL]) == ([], 20)
        assert memory.tags[:20].tolist() == [0] * 20
        assert memory.value_bits[:20].tolist() == [NO_VALUE] * 20
        ring.report_metric("a", 5, 6)
        assert successor.take() == [(1, 5, 6)]

    def test_a_successor_knows_which_drops_are_old(self, memory: Memory) -> None:
        """What the dead one read after the drop is newer than the board, for its successor too."""
        ring = Ring(memory)
        a, b = ring.metric("a"), ring.metric("b")
        for n in range(POINTS + 1):
            a(n)
        b(-1)
        Taker(memory).take()
        a(1)
        first = Taker(memory)
        first.take()
        assert first.newest == {1: (1, None), 2: (-1, None)}
        assert list(Reader(memory).board()) == [(2, -1, None)]

    def test_a_record_that_is_behind_hides_nothing(self, memory: Memory) -> None:
        """The memory knows best what was handed back."""
        ring = Ring(memory)
        ring.report_metric("a", 1)
        Taker(memory).take()
        ring.report_metric("a", 2)
        assert Taker(memory, recorded_to=0).take() == [(1, 2, None)]


class TestFinal:
    """Nobody writes any more: what is there is taken, over empty slots."""

    def test_a_claimed_slot_that_was_never_filled_is_passed_over(self, memory: Memory) -> None:
        """The writer died in between: that report did not return."""
        ring, taker = Ring(memory), Taker(memory)
        ring.report_metric("a", 1)
        claimed = next(ring.state[1])
        ring.report_metric("a", 3)
        assert claimed == 1
        assert taker.take() == [(1, 1, None)]
        assert taker.reader.unfinished()
        assert taker.take(final=True) == [(1, 3, None)]
        assert not taker.reader.unfinished()

    def test_positions_count_the_slots_that_were_passed_over(self, memory: Memory) -> None:
        """The board and the ring are compared by position: it is that of the slot."""
        ring = Ring(memory)
        ring.report_metric("a", 1)
        next(ring.state[1])
        ring.report_metric("a", 3)
        block = next(Reader(memory).blocks(final=True))
        assert (block.tags, [block.position(k) for k in range(2)]) == ([1, 1], [0, 2])
        assert block.span == LEASE

    def test_it_ends_at_what_was_leased(self, memory: Memory) -> None:
        """Slots beyond belong to nobody: they stay as they are."""
        ring, taker = Ring(memory), Taker(memory)
        for n in range(10):
            ring.report_metric("a", n)
        assert len(taker.take(final=True)) == 10
        assert memory.words[TAIL] == memory.words[TAKEN] == LEASE
