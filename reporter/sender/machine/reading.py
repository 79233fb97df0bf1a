"""What every reading is made of: families with their samples, and how its parts are guarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
Sample = tuple[dict[str, str], float]
Reading = list[tuple[str, list[Sample]]]


def plain(values: Iterable[tuple[str, float | None]]) -> Reading:
    """Families of one sample without labels; what has no value is absent."""
    return [(name, [({}, float(value))]) for name, value in values if value is not None]


def asked(question: Callable[..., T], *arguments: Any) -> T | None:
    """The answer; None from a machine, a container or a driver that does not give it."""
    try:
        return question(*arguments)
    except Exception:  # noqa: BLE001 - nothing read here is worth losing what is read beside it
        return None
