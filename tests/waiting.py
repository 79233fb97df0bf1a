"""Waits for a condition, with a deadline: the only way a test lets time pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

POLL_S = 0.02


def wait_for(condition: Callable[[], T], timeout: float = 10, what: str = "the condition") -> T:
    """The first truthy value of `condition`; fails, saying `what` was awaited, at the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:g} s for {what}; the last value was {value!r}")
        time.sleep(POLL_S)
