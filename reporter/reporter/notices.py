"""Tells a person what they should know, once each, without ever disturbing training."""

from __future__ import annotations

_said: set[str] = set()


def say(text: str) -> None:
    """One line, on the logger `reporter`: on the terminal unless the program chose otherwise."""
    if text in _said or len(_said) > 1000:
        return
    _said.add(text)
    try:
        # Milliseconds that a run with nothing to say does not pay.
        import logging  # noqa: PLC0415

        logging.getLogger("reporter").warning("reporter: %s", text)
    except Exception:  # noqa: BLE001 - a user's log handler failed, or the interpreter is ending
        pass
