"""Where every file of a record lies. Used by the trainer too, so it imports next to nothing."""

from __future__ import annotations

import os

_NAME_LIMIT = 80
_DIGEST_LENGTH = 8
_RANK_PREFIX = "rank-"


class RunPaths:
    """The places of one run and rank."""

    __slots__ = ("artifacts", "events", "folder", "log", "points", "reserve", "run_json")

    folder: str
    run_json: str
    points: str
    events: str
    artifacts: str
    log: str
    reserve: str

    def __init__(self, base: str, project: str, run_id: str, rank: int) -> None:
        run_folder = os.path.join(base, safe_name(project), safe_name(run_id))
        _place(self, os.path.join(run_folder, f"{_RANK_PREFIX}{rank}"))

    @classmethod
    def of_folder(cls, folder: str) -> RunPaths:
        """The places of a record that is already there."""
        paths = cls.__new__(cls)
        _place(paths, folder)
        return paths

    @property
    def base(self) -> str:
        """The folder that holds every project."""
        return os.path.dirname(os.path.dirname(os.path.dirname(self.folder)))


def _place(paths: RunPaths, folder: str) -> None:
    paths.folder = folder
    paths.run_json = os.path.join(folder, "run.json")
    paths.points = os.path.join(folder, "points.bin")
    paths.events = os.path.join(folder, "events.jsonl")
    paths.artifacts = os.path.join(folder, "artifacts")
    paths.log = os.path.join(folder, "sender.log")
    paths.reserve = os.path.join(folder, ".reserve")


def safe_name(text: str) -> str:
    """A folder's name for any text: bounded, not hidden, never a way out of the parent."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text)
    kept = kept.lstrip(".-")[:_NAME_LIMIT] or "unnamed"
    return kept if kept == text else f"{kept}-{_digest(text)}"


def rank_in(folder_name: str) -> int | None:
    """The rank that a folder called `rank-<n>` is of."""
    number = folder_name.removeprefix(_RANK_PREFIX)
    legal = number != folder_name and number.isascii() and number.isdecimal() and len(number) < 10
    return int(number) if legal else None


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415 - milliseconds that only unusual names pay

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
