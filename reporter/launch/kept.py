"""Keeps a console with its run, once the run's sender has left the record."""

from __future__ import annotations

import os
import sys
import threading

from reporter.record.load import load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
from reporter.sender.artifacts import Artifacts

NAME = "console.log"
_WITHIN = 5.0  # a disk that hangs must not keep the exit code back


def keep(console: bytes, folder: str) -> None:
    """Add it to the record as an artifact. Says so if that cannot be."""
    if not console:
        return
    problems = ["the disk does not answer"]
    thread = threading.Thread(target=_try, args=(console, folder, problems), daemon=True)
    thread.start()
    thread.join(_WITHIN)
    for problem in problems:
        sys.stderr.write(f"reporter run: the console is not kept in {folder}: {problem}\n")


def _try(console: bytes, folder: str, problems: list[str]) -> None:
    try:
        problem = _keep(console, folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, the program's own end counts
        problem = str(error) or type(error).__name__
    problems[:] = [problem] if problem else []


def _keep(console: bytes, folder: str) -> str:
    memory = os.memfd_create(NAME)
    os.write(memory, console)
    writer = RecordWriter(
        RunPaths.of_folder(folder), limit_bytes=sys.maxsize, attempt=load(folder).attempt
    )
    try:
        artifacts = Artifacts(RunPaths.of_folder(folder).artifacts)
        event = artifacts.bring({"name": NAME, "kind": "log", "path": f"/proc/self/fd/{memory}"})
        if not writer.event(event.kind, event.time, **event.fields):
            return "the record takes no more events"
        writer.sync()
    finally:
        writer.close()
        os.close(memory)
    return ""
