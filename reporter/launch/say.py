"""How `reporter run` speaks to a person, of its own failures too: nothing waits for the reader."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TypeVar

from reporter.reporter import notices

T = TypeVar("T")

_STANDARD_ERROR = 2
_AT_ONCE = 4096  # bytes that a pipe with any room takes whole

_failures: set[str] = set()


def say(text: str) -> None:
    """One line on standard error, if there is room for it now; else it is not said."""
    _write(f"reporter run: {text}\n")


def speak_for_reporters() -> None:
    """What our own run has to say is said in the same way: a logger would wait."""
    notices.speak_by(lambda text: _write(f"reporter: {text}\n"))


def tried(without: str, call: Callable[[], T]) -> T | None:
    """What the call returns; where it fails, one line says, once, what there is to be missed."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the program has to run, whatever we lack
        told = f"{without}: {type(error).__name__}: {error}"
        if without not in _failures:
            _failures.add(without)
            say(told)
        return None


def _write(line: str) -> None:
    raw = line.encode("utf-8", "backslashreplace")
    if len(raw) > _AT_ONCE:
        raw = raw[: _AT_ONCE - 1] + b"\n"
    poll = select.poll()
    try:
        poll.register(_STANDARD_ERROR, select.POLLOUT)
        if any(event & select.POLLOUT for _, event in poll.poll(0)):
            os.write(_STANDARD_ERROR, raw)
    except OSError:  # nobody reads it any more, or the disk behind it is full
        pass
