"""What the tests of machine readings share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sender.machine.subject import Subject


@pytest.fixture
def subject() -> Iterator[Subject]:
    """A process that does as it is told, and that is surely gone afterwards."""
    made = Subject()
    try:
        yield made
    finally:
        made.end()
