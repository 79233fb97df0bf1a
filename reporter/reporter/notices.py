"""Tells a person what they should know, once each, without ever disturbing training."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable

    from reporter.settings import Settings

# No setting: what the `reporter run` above us has said already, which holds for us as well.
SAID_ABOVE = "_REPORTER_SAID"

_said: set[str] = set()
_speak: Callable[[str], None] | None = None


def say(text: str) -> None:
    """One line, on the logger `reporter`: on the terminal unless the program chose otherwise."""
    if text in _said or len(_said) > 1000:
        return
    _said.add(text)
    if _speak is not None:
        _speak(text)
        return
    try:
        # Milliseconds that a run with nothing to say does not pay.
        import logging  # noqa: PLC0415
    except Exception:  # noqa: BLE001 - no descriptor is left, or the interpreter is ending
        _write(f"reporter: {text}\n")
        return
    try:
        logging.getLogger("reporter").warning("reporter: %s", text)
    except Exception:  # noqa: BLE001 - a user's log handler failed; training goes on
        pass


def speak_by(way: Callable[[str], None]) -> None:
    """In a process of our own, notices go this way and not to a logger."""
    global _speak  # noqa: PLW0603 - one way for the process
    _speak = way


def mention_no_gateway(settings: Settings) -> str:
    """Say that runs are pushed nowhere, if they are and should be. Returns what there is to say."""
    if settings.gateway is not None or settings.mode != "online":
        return ""
    text = (
        f"no gateway is set, so runs are recorded below {settings.dir} and pushed nowhere:"
        " set REPORTER_GATEWAY, or start `reporter up`"
    )
    if text != os.environ.get(SAID_ABOVE):
        say(text)
    return text


def _write(line: str) -> None:
    try:
        sys.stderr.write(line)
    except Exception:  # noqa: BLE001 - nobody listens
        pass
