"""Names on their way to the sender: once each, cut where they are long, counted where none fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.board import layout
from reporter.board.layout import METRICS, NAMES_CUT, NAMES_END, NO_ROOM, Memory
from reporter.board.ring import Ring
from reporter.board.writer import cut_name, read_names
from reporter.names import NAME_LIMIT
from tests.unit.board.boards import Taker


def test_a_name_is_announced_once_before_its_first_point(memory: Memory) -> None:
    """Tags count up from 1; reading goes on where it stopped."""
    ring = Ring(memory)
    ring.report_metric("loss", 1)
    ring.report_metric("loss", 2)
    ring.metric("loss")(3)
    found, at = read_names(memory, 0)
    assert found == [(1, "loss")]
    ring.metric("val/löss")
    assert read_names(memory, at) == ([(2, "val/löss")], memory.words[NAMES_END])
    assert read_names(memory, memory.words[NAMES_END])[0] == []


@given(st.text(max_size=NAME_LIMIT))
def test_a_name_that_fits_is_kept_as_it_is(name: str) -> None:
    """Whatever its characters."""
    assert cut_name(name) == name


def test_f9_a_long_name_is_cut_and_stays_unlike_its_neighbours(memory: Memory) -> None:
    """A long name is cut at 256 characters and counted; two that differ at their end stay two."""
    ring, taker = Ring(memory), Taker(memory)
    first, second = "x" * 300 + "a", "x" * 300 + "b"
    for n in range(3):
        ring.report_metric(first, n)
    ring.report_metric(second, 9)
    ring.metric(second)(10)
    names = dict(read_names(memory, 0)[0])
    assert len(set(names.values())) == 2
    assert all(len(n) == NAME_LIMIT and n.startswith("x" * 247) for n in names.values())
    assert taker.take() == [(1, 0, None), (1, 1, None), (1, 2, None), (2, 9, None), (2, 10, None)]
    assert memory.words[NAMES_CUT] == 2


def test_a_name_and_its_own_cut_are_one(memory: Memory) -> None:
    """Who reports the name as it is kept means the same metric."""
    ring = Ring(memory)
    long = "y" * 400
    ring.report_metric(long, 1)
    ring.report_metric(cut_name(long), 2)
    assert [tag for tag, _, _ in Taker(memory).take()] == [1, 1]


def test_f15_names_beyond_the_limit_are_counted_and_hurt_nobody(memory: Memory) -> None:
    """16,383 names have room; each report under another one is counted, handles included."""
    ring, taker = Ring(memory), Taker(memory)
    for n in range(METRICS - 1):
        ring.report_metric(f"m{n}", n)
    ring.report_metric("one too many", 1)
    ring.report_metric("one too many", 2)
    handle = ring.metric("two too many")
    handle(3)
    ring.report_metric("m5", -1)
    assert memory.words[NO_ROOM] == 3
    assert len(read_names(memory, 0)[0]) == METRICS - 1
    assert taker.take()[-1] == (6, -1, None)
    assert len(taker.points) == METRICS


def test_f15_names_that_fill_their_area_are_counted(
    monkeypatch: pytest.MonkeyPatch, memory: Memory
) -> None:
    """The text of the names is bounded as well as their number."""
    monkeypatch.setattr("reporter.board.writer.NAMES_BYTES", 100)
    ring = Ring(memory)
    for n in range(10):
        ring.report_metric(f"{n}" * 20, n)
    assert memory.words[NO_ROOM] == 7
    assert [name[0] for _, name in read_names(memory, 0)[0]] == ["0", "1", "2"]
    assert memory.words[NAMES_END] <= 100 < layout.NAMES_BYTES


def test_f9_a_name_that_no_encoding_holds_still_has_a_metric(memory: Memory) -> None:
    """A name that no encoding holds, from a file's name perhaps, still has a metric of its own."""
    ring = Ring(memory)
    ring.report_metric("a\udcffb", 1)
    ring.report_metric("\ud800" * 300, 2)
    names = dict(read_names(memory, 0)[0])
    assert names[1] == "a\udcffb"
    assert len(names[2]) == NAME_LIMIT
    assert Taker(memory).take() == [(1, 1, None), (2, 2, None)]
