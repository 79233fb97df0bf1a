"""Makes anything a user hands over fit for a message: plain, bounded, and never an exception."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

_TEXT_LIMIT = 16 << 10
_DEPTH, _ENTRIES = 8, 2000


def text_of(value: Any) -> str:
    """Its text, cut where it is very long."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - whatever a user's __str__ raises
        text = f"<{type(value).__name__} without a text>"
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"


def parameter(value: Any) -> str | int | float | bool:
    """Numbers as they are, everything else as its text."""
    if type(value) in (bool, float) or (type(value) is int and abs(value) < 2**63):
        return value  # type: ignore[no-any-return]
    return text_of(value)


def structure(value: Any, depth: int = _DEPTH) -> Any:
    """Dictionaries, lists, numbers, texts and None as they are; the rest as its text."""
    if value is None or isinstance(value, bool):
        return value
    if depth and isinstance(value, dict):
        some = list(value.items())[:_ENTRIES]
        return {text_of(key): structure(each, depth - 1) for key, each in some}
    if depth and isinstance(value, (list, tuple)):
        return [structure(each, depth - 1) for each in value[:_ENTRIES]]
    return parameter(_number_of(value))


def _number_of(value: Any) -> Any:
    """The number that a scalar of numpy's or torch's holds; anything else as it is."""
    try:
        return value.item() if value.ndim == 0 else value
    except Exception:  # noqa: BLE001 - whatever a user's object raises
        return value
