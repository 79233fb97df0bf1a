"""Which settings of a framework become parameters."""

from __future__ import annotations

from enum import Enum

import numpy as np
import pytest

from reporter_integrations._settings import plain_settings


class Kind(Enum):
    LINEAR = "linear"


def test_numbers_texts_and_short_lists_are_settings() -> None:
    """Enums by their value; what is empty, private, long or of another kind is none."""
    given = {"a": 1, "b": 0.5, "c": True, "d": "text", "e": Kind.LINEAR, "f": (0.9, 0.99)}
    assert plain_settings(given) == {**given, "e": "linear", "f": "(0.9, 0.99)"}
    others = {"a": None, "b": "", "c": [], "d": list(range(17)), "e": object(), "_f": 1, "g": {}}
    assert plain_settings(others) == {}
    assert plain_settings({"n": np.int64(3)}) == {"n": 3}


def test_what_lies_deeper_is_named_with_dots() -> None:
    """As far down as is asked for, behind a prefix of one's own."""
    given = {"a": {"b": {"c": 1}, "d": 2}}
    assert plain_settings(given) == {}
    assert plain_settings(given, "model.", depth=1) == {"model.a.d": 2}
    assert plain_settings(given, depth=2) == {"a.b.c": 1, "a.d": 2}


@pytest.mark.parametrize(
    "name",
    ["hub_token", "SECRET", "password", "api_key", "apiKey", "aws_access_key_id", "auth"],
)
def test_what_may_be_a_secret_is_left_out(name: str) -> None:
    """By its name, alone, in a list or in what lies below; numbers of tokens are no secrets."""
    assert plain_settings({name: "x"}) == {}
    assert plain_settings({name: ["x"], "deep": {name: "x"}}, depth=1) == {}
    assert plain_settings({name: {"value": "x"}}, depth=1) == {}
    assert plain_settings({"max_tokens": 7, "author": "me"}) == {"max_tokens": 7, "author": "me"}


def test_urls_with_a_password_are_left_out() -> None:
    """Wherever they stand; others are texts."""
    assert plain_settings({"a": "http://me:x@host/", "b": ["s3://k:x@host"]}) == {}
    assert plain_settings({"a": "http://host/?to=me@here"}) == {"a": "http://host/?to=me@here"}
