"""Which settings of a framework become parameters: plain ones, and no secret among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from numbers import Real
from typing import Any

_SECRET = re.compile(
    r"token|secret|passw|credential|auth(?!or)|api.?key|access.?key", re.IGNORECASE
)
_WITH_PASSWORD = re.compile(r"://[^/\s]*@")
_LONGEST = 16  # items of a list that is still a setting


def plain_settings(values: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Numbers and texts, and short lists of them; of `depth` levels below, with dots in the name.

    Texts that may be secret, by their name or as the password in a URL, are left out.
    """
    return dict(_plain(values, prefix, depth))


def _plain(values: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, given in values.items():
        name, value = f"{prefix}{key}", given.value if isinstance(given, Enum) else given
        if isinstance(value, Real) and not str(key).startswith("_"):
            yield name, value
        elif str(key).startswith("_") or _SECRET.search(str(key)):
            continue
        elif isinstance(value, Mapping):
            yield from _plain(value, f"{name}.", depth - 1) if depth else ()
        elif _is_short(value) and not _WITH_PASSWORD.search(str(value)):
            yield name, str(value)


def _is_short(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return 0 < len(value) <= _LONGEST and all(isinstance(e, (Real, str)) for e in value)
    return isinstance(value, str) and bool(value)
