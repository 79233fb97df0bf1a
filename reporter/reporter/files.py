"""Files and stages as scopes: what `attach` and `stage` hand out."""

from __future__ import annotations

import os

from reporter.board.writer import check_name
from reporter.errors import ValueRefused
from reporter.reporter.notices import say

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ARTIFACT_KINDS = ("log", "model", "plot", "data", "checkpoint", "other")


class Stage:
    """The stage just entered; leaving it returns to the one before."""

    def __init__(self, return_to: Callable[[str | None], None], before: str | None) -> None:
        self._return_to, self._before = return_to, before

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._return_to(self._before)


class Attachment:
    """A file being written that becomes an artifact when it is closed without an exception."""

    def __init__(self, name: str, mode: str, kind: str, tell: Callable[..., bool | None]) -> None:
        check_name("artifact", name)
        _check_kind(kind)
        if mode not in ("w", "wb"):
            raise ValueRefused(f"attach({name!r}): mode must be 'w' or 'wb', not {mode!r}")
        self._name, self._mode, self._kind, self._tell = name, mode, kind, tell
        # Not tempfile: it imports random, which a user's own random.py may shadow.
        folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
        self._path = os.path.join(folder, f"reporter-attach-{os.urandom(8).hex()}")

    def __enter__(self) -> Any:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            say(f"artifact {self._name!r} cannot be kept: {error}")
            self._path = ""
            descriptor = os.open(os.devnull, os.O_WRONLY)
        encoding = None if "b" in self._mode else "utf-8"
        self._file = open(descriptor, self._mode, encoding=encoding)
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if not self._path:
            return
        if kind is not None:
            say(f"artifact {self._name!r} is not kept: an exception left its scope")
        elif self._tell("artifact", self._name, kind=self._kind, path=self._path, move=True):
            return
        os.unlink(self._path)


def checked_artifact(path: str | os.PathLike[str], kind: str, name: str) -> dict[str, Any]:
    """What the sender must know of a file. Raises at the caller's line if it is not there."""
    _check_kind(kind)
    full = os.path.abspath(os.fspath(path))
    if not os.path.isfile(full):
        raise ValueRefused(f"artifact {full!r} is no file; write it before you report it")
    facts = os.stat(full)
    return {
        "name": name or os.path.basename(full),
        "kind": kind,
        "path": full,
        "move": False,
        "stamp": [facts.st_ino, facts.st_size, facts.st_mtime_ns],
    }


def _check_kind(kind: str) -> None:
    if kind not in ARTIFACT_KINDS:
        raise ValueRefused(f"artifact kind {kind!r} is none of {', '.join(ARTIFACT_KINDS)}")
