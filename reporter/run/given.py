"""What this process was started with: read at once, since setproctitle writes over it."""

from __future__ import annotations

import os


def _was_given(variable: str) -> bool:
    """Whether this process was started with it; True where that cannot be seen."""
    if variable not in os.environ:  # the usual case, which costs an import nothing
        return False
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read().split(b"\0")
    except OSError:
        return True
    return any(each.startswith(variable.encode() + b"=") for each in given)


LOCAL_RANK = _was_given("LOCAL_RANK")
