"""What is done to the records of a program's runs once their senders have left them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reporter.errors import RecordDamaged
from reporter.launch.console import NAME
from reporter.launch.forgetting import pushed_to
from reporter.record.load import load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
from reporter.sender.artifacts import Artifacts
from reporter.sender.background import Background
from reporter.sender.deliver import Deliverer, Handled
from reporter.settings import Settings

_NO_DISK = "the disk does not answer: runs may be without their end, or their console"
_NO_GATEWAY = "the gateway does not answer; `reporter push` delivers what it has not got"


@dataclass(frozen=True, slots=True)
class Left:
    """A record of a run below us."""

    folder: str
    gateway: str | None  # where its sender pushed it
    at_work: bool = False  # its sender is: nobody else writes it, be there locks or not


class Settling:
    """Ends runs that nobody is left to end, and keeps the console with the first, in a thread.

    What comes first matters most: a disk or a gateway may hang, and our time is bounded.
    """

    def __init__(
        self,
        settings: Settings,
        left: Callable[[], Sequence[Left]],
        end: dict[str, Any],
        console: bytes,
    ) -> None:
        self.problems = [_NO_DISK]
        self._settings, self._left, self._end, self._console = settings, left, end, console
        self._thread = Background(self._work, "settle")
        try:
            self._thread.start()
        except RuntimeError as error:  # the machine lets us have no more threads
            self.problems = [f"runs may be without their end, or their console: {error}"]

    @property
    def busy(self) -> bool:
        """Whether it is not done yet; `problems` says with what."""
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            left = self._left()
            problems = [_kept(self._console, left[0])] if self._console and left else []
            ended = self._ended([each.folder for each in left if not each.at_work])
            problems += [f"{each.folder}: {each.problem}" for each in ended if each.problem]
            problems = [problem for problem in problems if problem]
            self.problems = [*problems, _NO_GATEWAY]
            self.problems = [*problems, *self._pushed(left, ended)]
        except Exception as error:  # noqa: BLE001 - whatever it is, the exit code counts
            self.problems = [f"{type(error).__name__}: {error}"]

    def _ended(self, folders: Sequence[str]) -> list[Handled]:
        """Both a trainer and its sender are gone: how that came about, we alone know."""
        recorded = Settings({**self._settings.values(), "gateway": None}, self._settings.sources)
        without_end = [folder for folder in folders if _has_no_end(folder)]
        return list(Deliverer(recorded, end=self._end).deliver(without_end))

    def _pushed(self, left: Sequence[Left], ended: Sequence[Handled]) -> list[str]:
        """The gateway that showed a run learns of its end. No other one ever hears of it."""
        ours, shown = pushed_to(self._settings), {each.folder: each.gateway for each in left}
        due = [one.folder for one in ended if one.closed and ours and shown[one.folder] == ours]
        if not due:
            return []
        handled = Deliverer(self._settings, end=self._end).deliver(due)
        return [f"{one.folder}: {one.problem}" for one in handled if one.problem]


def _has_no_end(folder: str) -> bool:
    try:
        return load(folder).end_time is None
    except (OSError, RecordDamaged):  # whoever handles it says what is wrong with it
        return True


def _kept(console: bytes, record: Left) -> str:
    problem = "its sender is still at work" if record.at_work else ""
    try:
        if not problem:
            _keep(console, RunPaths.of_folder(record.folder))
    except Exception as error:  # noqa: BLE001 - whatever it is, the exit code counts
        problem = str(error)
    return problem and f"the console is not kept in {record.folder}: {problem}"


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
