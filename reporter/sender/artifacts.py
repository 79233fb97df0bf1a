"""Brings files into a run's record, in a thread of its own: a large one must not hold up a push."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from typing import Any

from reporter.record import events
from reporter.record.events import Event
from reporter.record.paths import safe_name
from reporter.sender.background import Background

_CHUNK = 1 << 20


class Artifacts:
    """Copies one file after the other; what became of each is an event."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._waiting: deque[dict[str, Any]] = deque()
        self._done: deque[Event] = deque()
        self._moved: dict[int | None, str] = {}  # copied: what they were copied from may go
        self._thread: Background | None = None

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or (self._thread is not None and self._thread.is_alive())

    def add(self, asked: dict[str, Any]) -> None:
        """A file to copy, or to move if it is one of our own making."""
        self._waiting.append(asked)
        self._work_on()

    def give_up(self) -> None:
        """Our time is over: what was not copied has failed."""
        for asked in list(self._waiting):
            self._fail(asked, "the run ended before it was copied")

    def done(self) -> list[Event]:
        """What has become of files since the last call."""
        self._work_on()  # a thread that was ending when one came has not seen it
        found = []
        while self._done:
            found.append(self._done.popleft())
        return found

    def forget(self, event: Event) -> None:
        """What became of a file is recorded: where it was moved from, it need not stay."""
        path = self._moved.pop(event.fields.get("n"), None)
        if path is not None:
            try:
                os.unlink(path)
            except OSError:  # somebody was faster
                pass

    def _work_on(self) -> None:
        if not self._waiting or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = Background(self._work, "artifacts")
        try:
            self._thread.start()
        except RuntimeError as error:  # the machine lets us have no more threads
            self._fail(self._waiting.pop(), str(error))

    def _work(self) -> None:
        while self._waiting:
            asked = self._waiting[0]
            try:
                self._done.append(self.bring(asked))
            except Exception as error:  # noqa: BLE001 - one bad file never stops the others
                self._fail(asked, _said(error))
            finally:
                self._waiting.popleft()

    def _fail(self, asked: dict[str, Any], problem: str) -> None:
        told = {"name": asked.get("name"), "problem": problem, **_number(asked)}
        self._done.append(Event(time.time(), events.ARTIFACT_FAILED, told))

    def bring(self, asked: dict[str, Any]) -> Event:
        """Copy one file now. Raises OSError where that cannot be."""
        if self._folder is None:
            raise OSError("there is no record to keep it in")
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        name = os.path.basename(asked["name"])
        target = _free_path(self._folder, safe_name(name))
        digest, size = _copy(asked["path"], target)
        told: dict[str, Any] = {
            "name": asked["name"],
            "kind": asked["kind"],
            "path": os.path.join("artifacts", os.path.basename(target)),
            "size": size,
            "sha256": digest,
            **_number(asked),
        }
        if asked.get("stamp") not in (None, stamp(asked["path"])):
            told["problem"] = "it changed before it could be copied; call flush() after artifact()"
        if asked.get("move"):
            self._moved[asked.get("n")] = asked["path"]
        return Event(time.time(), events.ARTIFACT, told)


def _number(asked: dict[str, Any]) -> dict[str, Any]:
    """By which an event tells of which message it is the outcome."""
    return {"n": asked["n"]} if "n" in asked else {}


def _copy(source: str, target: str) -> tuple[str, int]:
    digest, size, part = hashlib.sha256(), 0, target + ".part"
    with open(source, "rb") as reader:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            with open(descriptor, "wb") as writer:
                while chunk := reader.read(_CHUNK):
                    writer.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            os.replace(part, target)
        except BaseException:
            os.unlink(part)
            raise
    return digest.hexdigest(), size


def _free_path(folder: str, name: str) -> str:
    """An artifact reported again is a newer one, not a replacement of the older."""
    stem, extension = os.path.splitext(name)
    path, n = os.path.join(folder, name), 1
    while os.path.exists(path):
        n += 1
        path = os.path.join(folder, f"{stem}-{n}{extension}")
    return path


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


def stamp(path: str) -> list[int]:
    """What changes when a file does."""
    facts = os.stat(path)
    return [facts.st_ino, facts.st_size, facts.st_mtime_ns]
