"""What is done to the records of a program's runs once their senders have left them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from reporter.record.load import load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
from reporter.sender.artifacts import Artifacts
from reporter.sender.deliver import Deliverer
from reporter.settings import Settings

NAME = "console.log"
_WITHIN = 8.0  # a disk or a gateway that hangs must not keep the exit code back


def settle(settings: Settings, records: Sequence[str], end: dict[str, Any], console: bytes) -> None:
    """End runs that nobody is left to end, and keep the console with the first. Says what fails."""
    problems = ["the disk or the gateway does not answer"]

    def work() -> None:
        found = [_ended(settings, folder, end) for folder in records]
        found += [_kept(console, folder) for folder in records[:1] if console]
        problems[:] = [problem for problem in found if problem]

    thread = threading.Thread(target=work, name="settle", daemon=True)
    thread.start()
    thread.join(_WITHIN)
    for problem in problems:
        sys.stderr.write(f"reporter run: {problem}\n")


def _ended(settings: Settings, folder: str, end: dict[str, Any]) -> str:
    """Both the trainer and its sender are gone: how that came about, we alone know."""
    try:
        if load(folder).end_time is not None:
            return ""
        handled = list(Deliverer(settings, end=end).deliver([folder]))
        return "".join(f"{folder}: {one.problem}" for one in handled if one.problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, the exit code counts
        return f"{folder}: {error}"


def _kept(console: bytes, folder: str) -> str:
    try:
        _keep(console, RunPaths.of_folder(folder))
    except Exception as error:  # noqa: BLE001 - as above
        return f"the console is not kept in {folder}: {error}"
    return ""


def _keep(console: bytes, paths: RunPaths) -> None:
    attempt = load(paths.folder).attempt
    writer = RecordWriter(paths, limit_bytes=sys.maxsize, attempt=attempt)
    memory = os.memfd_create(NAME)
    try:
        os.write(memory, console)
        asked = {"name": NAME, "kind": "log", "path": f"/proc/self/fd/{memory}"}
        event = Artifacts(paths.artifacts).bring(asked)
        if not writer.event(event.kind, event.time, **event.fields):
            raise OSError("the record takes no more events")
        writer.sync()
    finally:
        writer.close()
        os.close(memory)
