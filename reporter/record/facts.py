"""The format of run.json: facts about the run, replaced as a whole."""

from __future__ import annotations

import json
import os
from typing import Any

from reporter.errors import RecordDamaged
from reporter.record.appending import AppendingFile, Disk
from reporter.record.hold import close_file, open_file

FORMAT = 1
_SIZE_LIMIT = 16 << 20


class OtherVersion(RecordDamaged):
    """A file of the record has a format that this version does not know."""


def read_facts(path: str) -> dict[str, Any]:
    """What run.json says; nothing where there is none. Raises RecordDamaged where it is bad."""
    try:
        with open(open_file(path, os.O_RDONLY), "rb") as file:
            found = json.loads(file.read(_SIZE_LIMIT))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise RecordDamaged(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise RecordDamaged(f"{path}: is not an object")
    if found.pop("format", FORMAT) != FORMAT:
        raise OtherVersion(f"{path}: was written by another version of run-reporter")
    return found


def write_facts(path: str, facts: dict[str, Any], disk: Disk) -> None:
    """Replaces run.json at once. Raises OSError or ValueError, and leaves what was there."""
    text = json.dumps({"format": FORMAT, **facts}, indent=1, default=str, allow_nan=False)
    fresh = path + ".new"
    try:
        descriptor = open_file(fresh)
        try:
            AppendingFile(descriptor, 0, disk).append(text.encode())
            _sync(descriptor, path, disk)
        finally:
            close_file(descriptor)
        os.replace(fresh, path)
    except OSError:
        _forget(fresh)
        raise


def _sync(descriptor: int, path: str, disk: Disk) -> None:
    try:
        disk.fsync(descriptor)
    except OSError:
        if os.path.exists(path):  # what is there may be safe; where nothing is, this is better
            raise


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
