"""Reads the grouping labels out of a push's path."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ENCODED = "@base64"


class PathRefusedError(ValueError):
    """The path names no group; says why."""


def grouping_labels(path: bytes) -> dict[str, str]:
    """The labels in `job/<job>[/<label>/<value>]...`, percent-encoded as it came."""
    try:
        parts = unquote_to_bytes(path).decode("utf-8").split("/")
    except UnicodeDecodeError:
        raise PathRefusedError("the path is not UTF-8") from None
    job = _value(parts[0], parts[1]) if len(parts) > 1 else ""
    if not job:
        raise PathRefusedError("job name is required")
    if "" in parts[:-1]:
        raise PathRefusedError("an empty value is written <label>@base64/=")
    rest = [] if parts[2:] == [""] else parts[2:]
    if len(rest) % 2:
        raise PathRefusedError(f"odd number of components in the labels {'/'.join(rest)!r}")
    labels: dict[str, str] = {}
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        plain = name.removesuffix(_ENCODED)
        if _LABEL_NAME.fullmatch(plain) is None or plain.startswith("__"):
            raise PathRefusedError(f"improper label name {plain!r}")
        labels[plain] = _value(name, value)
    return {**labels, "job": job}


def _value(name: str, text: str) -> str:
    if not name.endswith(_ENCODED):
        return text
    bare = text.rstrip("=")
    try:
        # Python's decoder skips what is foreign to the alphabet unless it is told not to.
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
        return raw.decode("utf-8")
    except (binascii.Error, ValueError):
        raise PathRefusedError(f"{text!r} under {name!r} is not base64 of UTF-8 text") from None
