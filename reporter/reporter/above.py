"""Finds the run that the process above this one has open: a copy of its script belongs to it."""

from __future__ import annotations

import json
import os
import struct

from reporter.board.layout import BRIEF_BYTES, BRIEF_END, BRIEF_OFFSET, ENDED, LAYOUT, LAYOUT_WORD

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

_WORDS = struct.Struct(f"{max(LAYOUT_WORD, ENDED, BRIEF_END) + 1}Q")


def run_above(nth: int) -> str | None:
    """The id of its `nth` run, if that is open; None where there is none, or it cannot be seen.

    Its shared memory is read, of which this process has neither name nor descriptor.
    """
    parent = os.getppid()
    for path in _memories_of(parent):
        brief = _brief_in(path)
        run = brief.get("run") or {}
        if brief.get("nth") == nth and run.get("pid") == parent:
            return str(run["id"])
    return None


def _memories_of(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # it is gone, or another user's
        return []
    return [path for path in (f"{folder}/{name}" for name in names) if _is_memory(path)]


def _is_memory(path: str) -> bool:
    try:
        return os.readlink(path).startswith("/memfd:run-reporter")
    except OSError:  # it was closed meanwhile
        return False


def _brief_in(path: str) -> dict[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        words = _WORDS.unpack(os.pread(descriptor, _WORDS.size, 0))
        if words[LAYOUT_WORD] != LAYOUT or words[ENDED]:
            return {}
        found = json.loads(os.pread(descriptor, min(words[BRIEF_END], BRIEF_BYTES), BRIEF_OFFSET))
        return found if isinstance(found, dict) else {}
    except (OSError, struct.error, ValueError):
        return {}
    finally:
        os.close(descriptor)
