"""Tells a person what they should know, once each, without ever disturbing training."""

from __future__ import annotations

import sys

_said: set[str] = set()


def say(text: str) -> None:
    """One line, on the logger `reporter`: on the terminal unless the program chose otherwise."""
    if text in _said or len(_said) > 1000:
        return
    _said.add(text)
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


def _write(line: str) -> None:
    try:
        sys.stderr.write(line)
    except Exception:  # noqa: BLE001 - nobody listens
        pass
