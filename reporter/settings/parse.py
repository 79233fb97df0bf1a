"""Turns the text of a setting into its value, or says what is wrong with it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_RUN_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class Wrong(Exception):
    """What is wrong with a value, in words that say what to write instead."""


def text(value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise Wrong("must be text")
    return value


def flag(value: object) -> bool:
    """True or false."""
    found = value if isinstance(value, bool) else _FLAGS.get(str(value).strip().lower())
    if found is None:
        raise Wrong("must be true, false, 1 or 0")
    return found


def duration(value: object) -> float:
    """Seconds, from a number or from text such as 30s, 5m, 24h."""
    seconds = _scaled(value, _SECONDS, "a number of seconds, or one with s, m, h or d, such as 5m")
    if seconds < 0:
        raise Wrong("must not be negative")
    return seconds


def interval(value: object) -> float:
    """A duration that something is repeated after."""
    seconds = duration(value)
    if seconds < 1:
        raise Wrong("must be at least 1 second: a gateway serves many runs")
    return seconds


def sampling(value: object) -> float:
    """A duration that something is read after, or 0: never."""
    seconds = duration(value)
    if 0 < seconds < 1:
        raise Wrong("must be 0 (none) or at least 1 second: reading must cost next to nothing")
    return seconds


def size(value: object) -> int:
    """Bytes, from a number or from text such as 512MiB."""
    number = _scaled(value, _BYTES, "a number of bytes, or one with KiB, MiB or GiB, such as 2GiB")
    if number < 0:
        raise Wrong("must not be negative")
    return int(number)


def count(value: object) -> int:
    """A whole number from 0."""
    try:
        number = int(value) if isinstance(value, (int, str)) else -1
    except ValueError:
        number = -1
    if isinstance(value, bool) or number < 0:
        raise Wrong("must be a whole number from 0")
    return number


def one_of(*words: str) -> Callable[[object], str]:
    """One of a few words."""

    def choose(value: object) -> str:
        if value not in words:
            raise Wrong(f"must be one of {', '.join(words)}")
        return str(value)

    return choose


def run_id(value: object) -> str:
    """An id that is safe in a URL and in a path."""
    found = text(value)
    if not found or len(found) > 128 or found.startswith(".") or not _RUN_ID.issuperset(found):
        raise Wrong("must be 1 to 128 letters, digits, '.', '_' or '-', and not start with '.'")
    return found


def readable_file(value: object) -> str:
    """The absolute path of a file that can be read now."""
    path = os.path.abspath(os.path.expanduser(text(value)))
    try:
        os.close(os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
    except OSError as error:
        raise Wrong(f"the file cannot be read: {error.strerror}") from None
    if os.path.isdir(path):
        raise Wrong("is a folder; a file is needed")
    return path


def folder(value: object) -> str:
    """The absolute path of a folder, which need not exist."""
    path = os.path.expanduser(text(value))
    try:
        return os.path.abspath(path)
    except OSError:  # the working folder was deleted
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        return os.path.join(state, path)


def gateway_url(value: object) -> str:
    """An http or https URL of a Pushgateway; a bare host:port means http."""
    given = text(value).strip()
    scheme, found, rest = given.partition("://")
    if not found:
        scheme, rest = "http", given
    if scheme.lower() not in ("http", "https"):
        raise Wrong("must be an http or https URL, or host:port")
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise Wrong(
            "must not hold a user name or password: use REPORTER_GATEWAY_USERNAME and"
            " REPORTER_GATEWAY_PASSWORD_FILE"
        )
    if any(c in rest for c in "?#") or any(c.isspace() or not c.isprintable() for c in rest):
        raise Wrong("must not hold a query, a fragment or white space")
    host = _host_of(authority)
    if not host:
        raise Wrong("has no host; write it like http://pushgateway:9091")
    path = path.rstrip("/")
    return f"{scheme.lower()}://{authority}" + (f"/{path}" if path else "")


def _host_of(authority: str) -> str:
    if authority.startswith("["):
        host, _, after = authority[1:].partition("]")
        port = after.removeprefix(":") if after.startswith(":") else after and "x"
    else:
        host, colon, port = authority.partition(":")
        if colon and not port:
            port = "x"
    if port and not (port.isdecimal() and port.isascii() and 0 < int(port) < 65536):
        raise Wrong("has no usable port; write it like http://pushgateway:9091")
    return host


def _scaled(value: object, units: dict[str, int], wanted: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    else:
        written = str(value).strip() if isinstance(value, str) else ""
        unit = written.lstrip("+-.0123456789e").strip()
        try:
            number = float(written[: len(written) - len(unit)]) * units[unit]
        except (ValueError, KeyError):
            raise Wrong(f"must be {wanted}") from None
    if not math.isfinite(number):
        raise Wrong(f"must be {wanted}")
    return number
