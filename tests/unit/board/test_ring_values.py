"""Values that are none, odd ones, and signals in the worst moments: the ring never blocks."""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest

from reporter.board.layout import (
    BAD_VALUES,
    OVERFLOWS,
    POINTS,
    TAKEN,
    Memory,
)
from reporter.board.ring import LEASE, Ring
from reporter.errors import NameRefused, ValueRefused
from tests.unit.board.boards import Taker


class Raises:
    """A value whose conversion fails in a way of its own."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error


BAD = [
    "text",
    b"1",
    bytearray(b"1"),
    None,
    1j,
    object(),
    [1.0],
    np.array([1.0, 2.0]),
    np.array("x"),
    np.datetime64("2024-01-01"),
    Raises(ZeroDivisionError()),
    Raises(KeyError("m")),
    Raises(TypeError()),
    Raises(IndexError()),
]
GOOD = [
    (True, 1.0),
    (np.int64(3), 3.0),
    (np.float32(0.5), 0.5),
    (np.float16(2), 2.0),
    (np.bool_(True), 1.0),
    (np.array(2), 2.0),
    (np.array([2.5]), 2.5),
    (np.array([[4]]), 4.0),
    (10**20, 1e20),
]
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning")


def calls(ring: Ring) -> list[Callable[..., None]]:
    """Every way to report the metric "m"."""
    return [lambda *a, **k: ring.report_metric("m", *a, **k), ring.metric("m")]


@pytest.mark.parametrize("value", BAD, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("way", [0, 1])
def test_f5_f6_a_later_bad_value_is_counted_and_its_slot_is_marked(
    memory: Memory, value: Any, way: int
) -> None:
    """Later bad values are dropped, counted and warned of once."""
    warned: list[str] = []
    ring, taker = Ring(memory, warn=warned.append), Taker(memory)
    report = calls(ring)[way]
    report(1)
    for _ in range(3):
        report(value)
        report(value, 5)
    report(2, 6)
    assert [point[1:] for point in taker.take()] == [(1, None), (2, 6)]
    assert taker.bad + memory.words[BAD_VALUES] == 6
    assert len(warned) == 1
    assert "'m'" in warned[0]


@pytest.mark.parametrize("way", [0, 1])
def test_f2_a_number_too_large_is_an_overflow(memory: Memory, way: int) -> None:
    """An integer that no double holds is dropped and counted for itself."""
    ring, taker = Ring(memory), Taker(memory)
    report = calls(ring)[way]
    report(1)
    report(10**400)
    report(10**400, 3)
    report(2)
    assert [value for _, value, _ in taker.take()] == [1, 2]
    assert taker.overflows + memory.words[OVERFLOWS] == 2
    assert taker.bad + memory.words[BAD_VALUES] == 0


@pytest.mark.parametrize(("value", "expected"), GOOD, ids=str)
@pytest.mark.parametrize("way", [0, 1])
def test_f3_f4_f8_whatever_holds_one_number_is_one(
    memory: Memory, value: Any, expected: float, way: int
) -> None:
    """Whatever holds exactly one number is one: first or later, with a step or without."""
    ring, taker = Ring(memory), Taker(memory)
    report = calls(ring)[way]
    report(value)
    report(value)
    report(value, 1)
    assert taker.take() == [(1, expected, None), (1, expected, None), (1, expected, 1)]


@pytest.mark.parametrize(
    ("step", "kept"),
    [(3.0, 3), (np.int32(4), 4), (np.array(5), 5), (True, 1), (-2, -2), (2**63 - 1, 2**63 - 1)],
    ids=str,
)
@pytest.mark.parametrize("way", [0, 1])
def test_whatever_is_a_whole_number_is_a_step(
    memory: Memory, step: Any, kept: int, way: int
) -> None:
    """Floats without a fraction and numpy's integers too."""
    ring, taker = Ring(memory), Taker(memory)
    report = calls(ring)[way]
    report(1, step)
    report(2, step)
    assert [point[1:] for point in taker.take()] == [(1, kept), (2, kept)]


@pytest.mark.parametrize(
    "step", ["3", 2.5, float("nan"), float("inf"), 2**63, -(2**64), ..., b"1"], ids=str
)
@pytest.mark.parametrize("way", [0, 1])
def test_a_bad_step_is_a_bad_report(memory: Memory, step: Any, way: int) -> None:
    """The value is not kept without its step; nothing raises, nothing blocks."""
    ring, taker = Ring(memory), Taker(memory)
    report = calls(ring)[way]
    report(1)
    report(2, step)
    report(3, 1)
    assert [value for _, value, _ in taker.take()] == [1, 3]
    assert taker.bad + memory.words[BAD_VALUES] == 1


def test_f5_f6_the_first_value_of_a_name_is_refused_at_the_callers_line(memory: Memory) -> None:
    """The first report of a name raises at your line; nothing of it is recorded.

    The message names the metric, shows the value, and says what to do.
    """
    ring = Ring(memory)
    with pytest.raises(ValueRefused) as refused:
        ring.report_metric("loss", "0.3")
    assert str(refused.value) == (
        "metric 'loss' got '0.3' (str); report one number, or use report_parameter for text"
    )
    with pytest.raises(ValueRefused, match=r"array of 2 elements; report one number, such as val"):
        ring.report_metric("loss", np.array([1, 2]))
    with pytest.raises(
        ValueRefused, match=r"step of metric 'loss' must be a whole number, not 0\.5"
    ):
        ring.report_metric("loss", 1, 0.5)
    assert memory.words[BAD_VALUES] == 0


@pytest.mark.parametrize("name", [None, 3, b"loss", "", "  ", ["x"], {}], ids=repr)
def test_a_name_that_is_none_is_refused(memory: Memory, name: Any) -> None:
    """Whatever it is, hashable or not; handles as well."""
    ring = Ring(memory)
    with pytest.raises(NameRefused, match="metric name"):
        ring.report_metric(name, 1)
    with pytest.raises(NameRefused, match="metric name"):
        ring.metric(name)


@pytest.mark.parametrize("value", ["text", 10**400, None])
@pytest.mark.parametrize("way", [0, 1])
def test_strict_raises_for_every_bad_value(memory: Memory, value: Any, way: int) -> None:
    """And it is counted all the same, and the ring goes on."""
    ring, taker = Ring(memory, strict=True), Taker(memory)
    report = calls(ring)[way]
    report(1)
    with pytest.raises(ValueRefused, match="'m'"):
        report(value)
    with pytest.raises(ValueRefused, match="'m'"):
        report(value, 2)
    report(2)
    assert [v for _, v, _ in taker.take()] == [1, 2]
    assert taker.bad + taker.overflows + memory.words[BAD_VALUES] + memory.words[OVERFLOWS] == 2


@pytest.mark.parametrize("way", [0, 1])
def test_an_interrupt_in_a_conversion_passes_and_leaves_no_hole(memory: Memory, way: int) -> None:
    """Ctrl-C while a user's value is being converted is the user's, and the ring goes on."""
    ring, taker = Ring(memory), Taker(memory)
    report = calls(ring)[way]
    report(1)
    for step in (None, 3):
        with pytest.raises(KeyboardInterrupt):
            report(Raises(KeyboardInterrupt()), step)
    report(2)
    assert [value for _, value, _ in taker.take()] == [1, 2]


def test_a_value_that_reports_while_it_is_converted(memory: Memory) -> None:
    """A report inside a report: both arrive, and nothing blocks."""
    ring, taker = Ring(memory), Taker(memory)

    class Reports:
        def __float__(self) -> float:
            ring.report_metric("inner", 1)
            return 2.0

    for _ in range(LEASE + 10):
        ring.report_metric("outer", Reports())
    assert len(taker.take()) == 2 * (LEASE + 10)


class Boom(Exception):
    """Raised by a signal handler, or where one could run."""


@pytest.fixture
def alarms() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Call a handler five thousand times a second."""
    before = signal.getsignal(signal.SIGALRM)

    def ring_with(handler: Callable[[], None]) -> None:
        signal.signal(signal.SIGALRM, lambda *_: handler())
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)

    yield ring_with
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.slow
def test_signal_handlers_that_report_and_raise_never_block_the_ring(
    memory: Memory, alarms: Callable[[Callable[[], None]], None]
) -> None:
    """Every other alarm raises inside a report: returned ≤ found ≤ begun, for both."""
    ring, taker = Ring(memory), Taker(memory)
    handle = ring.metric("m")
    begun, returned, armed = {1: 0, 2: 0}, {1: 0, 2: 0}, False

    def alarm() -> None:
        nonlocal armed
        begun[2] += 1
        ring.report_metric("alarm", begun[2])
        returned[2] += 1
        if armed and begun[2] % 2:
            armed = False
            raise Boom

    handle(0)
    begun[1] = returned[1] = 1
    ring.report_metric("alarm", 0)
    begun[2] = returned[2] = 1
    alarms(alarm)
    for n in range(600_000):
        try:
            armed = True  # from here to the other end of this, Boom is expected
            begun[1] += 1
            if n % 3:
                handle(n)
            else:
                ring.report_metric("m", n, n)
            returned[1] += 1
            armed = False
        except Boom:
            pass
        if not n % 50_000:
            taker.take()
    signal.setitimer(signal.ITIMER_REAL, 0)
    ring.stop()
    taker.take()
    assert not taker.reader.unfinished()
    assert begun[2] > 20
    assert begun[1] > returned[1]
    for tag in (1, 2):
        found = sum(point[0] == tag for point in taker.points) + memory.board_drops[tag]
        assert returned[tag] <= found <= begun[tag]


def boom() -> None:
    """A handler that raises."""
    raise Boom


def calls_into_ours(act: Callable[[], None], at: int, handler: Callable[[], None] = boom) -> int:
    """Run this, and a handler at the n-th call into ours, where one could run."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> None:
        nonlocal seen
        if event == "call" and "/reporter/board/" in frame.f_code.co_filename:
            seen += 1
            if seen == at:
                sys.settrace(before)
                handler()

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except Boom:
        pass
    finally:
        sys.settrace(before)
    return seen


def at_a_new_name(ring: Ring) -> Callable[[], None]:
    return lambda: ring.report_metric("new", 1)


def at_the_end_of_a_lease(ring: Ring) -> Callable[[], None]:
    for n in range(LEASE - 1):
        ring.report_metric("m", n)
    return lambda: ring.report_metric("m", 1)


def at_a_bad_value(ring: Ring) -> Callable[[], None]:
    return lambda: ring.report_metric("m", "text")


def at_an_odd_step(ring: Ring) -> Callable[[], None]:
    handle = ring.metric("m")
    return lambda: handle(1, 3.0)


def at_a_full_ring(ring: Ring) -> Callable[[], None]:
    for n in range(POINTS - 1):
        ring.report_metric("m", n)
    return lambda: ring.report_metric("m", 1)


MOMENTS = [
    *(at_a_new_name, at_the_end_of_a_lease, at_a_bad_value, at_an_odd_step),
    pytest.param(at_a_full_ring, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_anywhere_in_the_slow_path_leaves_no_hole(
    memory: Memory, moment: Callable[[Ring], Callable[[], None]]
) -> None:
    """Ctrl-C at each place where a handler may run: what is reported afterwards still arrives."""
    for raise_at in itertools.count(1):
        ring, taker = Ring(memory), Taker(memory)
        ring.state = (memory.words[TAKEN], iter(()))
        ring.report_metric("m", 0)
        act = moment(ring)
        if calls_into_ours(act, raise_at) < raise_at:
            assert raise_at > 3
            return
        taker.take()
        for n in range(5):
            ring.report_metric("m", -1000 - n)
        after = [value for _, value, _ in taker.take() if value <= -1000]
        assert after == [-1000.0 - n for n in range(5)], f"a hole after call {raise_at}"
        ring.stop()
        taker.take()
        assert not taker.reader.unfinished(), f"a hole at the end after call {raise_at}"


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_handler_that_reports_anywhere_in_the_slow_path_is_heard(
    memory: Memory, moment: Callable[[Ring], Callable[[], None]], raises: bool
) -> None:
    """Its report returned, so it is found: once, at the latest at the end, even if it raises."""
    for at in itertools.count(1):
        ring, taker = Ring(memory), Taker(memory)
        ring.state = (memory.words[TAKEN], iter(()))
        ring.report_metric("m", 0)
        ring.report_metric("alarm", 0)
        act = moment(ring)

        def handler(ring: Ring = ring) -> None:
            ring.report_metric("alarm", -7)
            if raises:
                raise Boom

        drops = memory.board_drops[2]
        reached = calls_into_ours(act, at, handler) == at
        ring.stop()
        taker.take()
        found = taker.points.count((2, -7, None)) + memory.board_drops[2] - drops
        assert found == reached, f"after call {at}"
        if not reached:
            return
