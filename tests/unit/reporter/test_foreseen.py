"""A framework that catches what ends the program says so: an exit alone would tell less."""

from __future__ import annotations

import asyncio

import pytest

import reporter
from reporter.names import State
from reporter.reporter.scope import foresee
from reporter.testing import Reported

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("caught", "left_by", "expected"),
    [
        (KeyboardInterrupt(), SystemExit(1), (State.CANCELLED, "interrupt")),
        (SystemExit(143), SystemExit(), (State.CANCELLED, "terminated")),
        (None, SystemExit(1), (State.FAILED, "exit_code")),
        (KeyboardInterrupt(), ValueError(), (State.FAILED, "exception")),
    ],
)
def test_an_exit_means_what_was_caught_before(
    caught: BaseException | None,
    left_by: BaseException,
    expected: tuple[State, str],
    reported: Reported,
) -> None:
    """Any other exception tells its own story."""

    def train() -> None:
        with reporter.Reporter() as r:
            foresee(r, caught)
            raise left_by

    with pytest.raises(type(left_by)):
        train()
    assert (reported.run.state, reported.run.reason) == expected


def test_what_was_overcome_is_forgotten(reported: Reported) -> None:
    """A program that goes on, and ends well, has succeeded; in an asynchronous scope, too."""

    async def train() -> None:
        async with reporter.Reporter() as r:
            foresee(r, KeyboardInterrupt())
            foresee(r, None)
            raise SystemExit(0)

    with pytest.raises(SystemExit):
        asyncio.run(train())
    assert reported.run.state is State.SUCCEEDED
    with reporter.Reporter() as r:
        foresee(r, KeyboardInterrupt())
    assert reported.run.state is State.SUCCEEDED
