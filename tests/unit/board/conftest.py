"""Shared memory of a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reporter.board.layout import Memory
from tests.pretended_device import Stream, pretended_device
from tests.unit.board.boards import new_memory


@pytest.fixture
def memory() -> Iterator[Memory]:
    """Memory that keeps points."""
    with new_memory() as made:
        yield made


@pytest.fixture
def plain_memory() -> Iterator[Memory]:
    """Memory that keeps newest values only."""
    with new_memory(keep_points=False) as made:
        yield made


@pytest.fixture
def device() -> Iterator[Stream]:
    """A torch whose device does nothing by itself."""
    with pretended_device() as stream:
        yield stream
