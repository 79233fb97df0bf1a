"""What leaving a scope, or the interpreter's end, says about a run."""

from __future__ import annotations

import asyncio
import sys

import pytest

from reporter.names import END_REASONS, State
from reporter.reporter.ends import End, end_of, end_of_interpreter

ENDS: list[tuple[BaseException | None, End]] = [
    (None, (State.SUCCEEDED, "returned", "")),
    (SystemExit(), (State.SUCCEEDED, "returned", "")),
    (SystemExit(0), (State.SUCCEEDED, "returned", "")),
    (SystemExit(None), (State.SUCCEEDED, "returned", "")),
    (SystemExit(False), (State.SUCCEEDED, "returned", "")),
    (SystemExit(3), (State.FAILED, "exit_code", "3")),
    (SystemExit(-1), (State.FAILED, "exit_code", "-1")),
    (SystemExit(143), (State.CANCELLED, "terminated", "143")),
    (SystemExit(130), (State.CANCELLED, "interrupt", "130")),
    (SystemExit("message"), (State.FAILED, "exit_code", "1")),
    (SystemExit(""), (State.FAILED, "exit_code", "1")),
    (KeyboardInterrupt(), (State.CANCELLED, "interrupt", "KeyboardInterrupt")),
    (asyncio.CancelledError(), (State.CANCELLED, "interrupt", "CancelledError")),
    (ValueError("secret"), (State.FAILED, "exception", "ValueError")),
    (GeneratorExit(), (State.FAILED, "exception", "GeneratorExit")),
    (BaseException(), (State.FAILED, "exception", "BaseException")),
]


@pytest.mark.parametrize(("error", "end"), ENDS, ids=[repr(error) for error, _ in ENDS])
def test_leaving_a_scope(error: BaseException | None, end: End) -> None:
    """As the contract has it; the exception's type is told, and never its text."""
    assert end_of(error) == end
    assert end[1] in END_REASONS


def test_the_interpreters_end_without_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script has run to its end."""
    monkeypatch.delattr(sys, "last_value", raising=False)
    assert end_of_interpreter() == (State.SUCCEEDED, "returned", "")


def test_the_interpreters_end_after_an_uncaught_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """Success is never a default."""
    monkeypatch.setattr(sys, "last_value", ValueError(), raising=False)
    assert end_of_interpreter() == (State.FAILED, "exception", "ValueError")
    monkeypatch.setattr(sys, "last_value", KeyboardInterrupt(), raising=False)
    assert end_of_interpreter()[0] is State.CANCELLED


def test_c7_an_old_exception_of_a_terminal_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a prompt, an error of an hour ago is none of the run's."""
    monkeypatch.setattr(sys, "last_value", ValueError(), raising=False)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert end_of_interpreter()[0] is State.SUCCEEDED


def test_c8_a_child_of_multiprocessing_ends_inside_its_handler() -> None:
    """A child of multiprocessing that an exception ends has failed.

    It runs our finalizer while the exception is being handled.
    """
    try:
        int("x")
    except ValueError:
        assert end_of_interpreter() == (State.FAILED, "exception", "ValueError")
