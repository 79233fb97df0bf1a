"""Whatever a user hands over becomes plain, bounded and fit for a message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.reporter.plain import parameter, structure, text_of


class Broken:
    """Whose text fails."""

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1),
        (True, True),
        (0.5, 0.5),
        ("adam", "adam"),
        (2**63, str(2**63)),
        (None, "None"),
        ([1, 2], "[1, 2]"),
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        (Path("/data"), "/data"),
        (Broken(), "<Broken without a text>"),
        (b"x", "b'x'"),
    ],
    ids=lambda v: type(v).__name__,
)
def test_a_parameter_is_a_number_or_its_text(value: Any, kept: Any) -> None:
    """Numbers as they are, the rest as `str` has it."""
    found = parameter(value)
    assert (found, type(found)) == (kept, type(kept))


def test_a_subclass_of_text_is_text() -> None:
    """An enum's member too is told by what it says."""

    class Own(str):
        __slots__ = ()

    assert parameter(Own("x")) == "x"
    assert json.dumps(parameter(Own("x"))) == '"x"'


def test_a_long_text_is_cut() -> None:
    """A whole file as a parameter fills no memory."""
    assert len(text_of("x" * 10**6)) == 16 << 10
    assert text_of("x" * 10**6).endswith("…")


def test_a_structure_keeps_what_json_can_hold() -> None:
    """Dictionaries, lists and numbers; tuples become lists, keys their text, numpy its number."""
    given_ = {1: (1, 2.5, None, True), "a": [{"b": np.float64(0.5)}], "p": Path("x"), "n": {}}
    kept = {"1": [1, 2.5, None, True], "a": [{"b": 0.5}], "p": "x", "n": {}}
    assert structure(given_) == kept
    assert structure(np.int32(4)) == 4


def test_a_structure_is_bounded() -> None:
    """In depth and in entries, and one that holds itself ends."""
    loop: list[Any] = []
    loop.append(loop)
    assert len(json.dumps(structure(loop))) < 1000
    assert len(structure(list(range(10_000)))) == 2000
    assert len(structure({n: n for n in range(10_000)})) == 2000


class Odd:
    """Something whose innards fail when they are looked at."""

    def __init__(self, **of: Callable[[], Any]) -> None:
        self._of = of

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_of", {}):
            return self._of[name]()
        raise AttributeError(name)

    def __str__(self) -> str:
        return "odd"


def boom() -> Any:
    raise RuntimeError("CUDA error")


@pytest.mark.parametrize(
    "value",
    [Odd(item=boom), Odd(item=lambda: boom, ndim=lambda: 0), Odd(item=lambda: 3, ndim=lambda: 0)],
    ids=["no item", "item raises", "item is no call"],
)
def test_a_note_never_raises(value: Any) -> None:
    """Whatever an object does when it is asked for its number."""
    assert structure({"x": value}) == {"x": "odd"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
    )
)
def test_any_structure_can_be_told(value: Any) -> None:
    """It always fits into JSON."""
    json.dumps(structure(value))
    json.dumps(parameter(value))
