"""Newest values only: one store a report, and the same care for what is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from reporter.board.layout import AFTER_END, BAD_VALUES, METRICS, NO_ROOM, OVERFLOWS, Memory
from reporter.board.newest import Newest
from reporter.board.reader import Reader
from reporter.board.writer import read_names
from reporter.errors import NameRefused, ValueRefused

Row = tuple[float, int | None]


def newest(memory: Memory) -> dict[str, Row]:
    names = dict(read_names(memory, 0)[0])
    return {names[tag]: (value, step) for tag, value, step in Reader(memory).newest()}


def test_each_report_replaces_the_one_before(plain_memory: Memory) -> None:
    """By name and by handle; a step stays the newest one that was said."""
    writer = Newest(plain_memory)
    b = writer.metric("b")
    writer.report_metric("a", 1)
    writer.report_metric("a", 2, 5)
    assert newest(plain_memory) == {"a": (2, 5)}
    b(3)
    b(4, 6)
    b(5)
    writer.report_metric("a", 7)
    assert newest(plain_memory) == {"a": (7, 5), "b": (5, 6)}


def ways(writer: Newest) -> list[Callable[..., None]]:
    """Every way to report the metric "m"."""
    return [partial(writer.report_metric, "m"), writer.metric("m")]


@pytest.mark.parametrize("way", [0, 1])
@pytest.mark.parametrize(
    "value",
    ["text", None, b"1", 10**400, np.array([1, 2]), object()],
    ids=lambda v: type(v).__name__,
)
def test_a_later_bad_value_is_counted_and_changes_nothing(
    plain_memory: Memory, value: Any, way: int
) -> None:
    """The value before stays, and the person is told once."""
    warned: list[str] = []
    writer = Newest(plain_memory, warn=warned.append)
    report = ways(writer)[way]
    report(1, 1)
    report(value)
    report(value, 2)
    assert newest(plain_memory) == {"m": (1, 1)}
    words = plain_memory.words
    expected = (0, 2) if isinstance(value, int) else (2, 0)
    assert (words[BAD_VALUES], words[OVERFLOWS]) == expected
    assert len(warned) == 1


@pytest.mark.parametrize("way", [0, 1])
@pytest.mark.parametrize("step", ["3", 2.5, 2**63, ...], ids=str)
def test_a_bad_step_is_a_bad_report(plain_memory: Memory, step: Any, way: int) -> None:
    """Counted once, and it never raises."""
    writer = Newest(plain_memory)
    report = ways(writer)[way]
    report(1, 1)
    report(2, step)
    assert newest(plain_memory)["m"][1] == 1
    assert plain_memory.words[BAD_VALUES] == 1


@pytest.mark.parametrize("way", [0, 1])
@pytest.mark.parametrize(
    ("value", "step", "row"),
    [
        (np.int64(3), np.int64(4), (3, 4)),
        (np.array(2.5), 3.0, (2.5, 3)),
        (np.array([[4]]), True, (4, 1)),
        (float("inf"), None, (float("inf"), None)),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning")
def test_whatever_holds_one_number_is_one(
    plain_memory: Memory, value: Any, step: Any, row: Row, way: int
) -> None:
    """As in the ring."""
    writer = Newest(plain_memory)
    report = ways(writer)[way]
    report(value, step)
    report(value, step)
    assert newest(plain_memory) == {"m": row}
    assert plain_memory.words[BAD_VALUES] == 0


def test_the_first_value_is_refused_and_strict_refuses_each(plain_memory: Memory) -> None:
    """At the caller's line, with the metric's name."""
    writer = Newest(plain_memory, strict=True)
    with pytest.raises(ValueRefused, match="metric 'm' got 'x'"):
        writer.report_metric("m", "x")
    with pytest.raises(NameRefused):
        writer.report_metric("", 1)
    with pytest.raises(NameRefused):
        writer.metric(3)  # type: ignore[arg-type]
    writer.report_metric("m", 1)
    for bad in ("x", 10**400):
        with pytest.raises(ValueRefused, match="'m'"):
            writer.report_metric("m", bad)
    assert newest(plain_memory) == {"m": (1, None)}


def test_names_beyond_the_board_are_counted(plain_memory: Memory) -> None:
    """The board has room for 16,383 names; the others are counted and hurt nobody."""
    writer = Newest(plain_memory)
    for n in range(METRICS + 9):
        writer.report_metric(f"m{n}", n)
    assert plain_memory.words[NO_ROOM] == 10
    found = newest(plain_memory)
    assert (len(found), found["m0"], found["m16382"]) == (METRICS - 1, (0, None), (16382, None))


def test_nothing_is_stored_after_the_end(plain_memory: Memory) -> None:
    """Handles made before it too."""
    writer = Newest(plain_memory)
    handle = writer.metric("m")
    handle(1)
    writer.stop()
    handle(2, 2)
    writer.report_metric("m", 3)
    writer.metric("m")(4)
    writer.report_metric("m", 5)
    writer.report_metric("m", 5, 1)
    assert newest(plain_memory) == {"m": (1, None)}
    assert plain_memory.words[AFTER_END] == 5
