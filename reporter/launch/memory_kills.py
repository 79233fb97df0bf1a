"""Whether the kernel killed for memory in the cgroup of a process, version 1 or 2."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_JUST_NOW_S = 2.0  # before the end: an earlier kill was of another process
ROOT = Path("/sys/fs/cgroup")


class MemoryKills:
    """Follows one process: a cgroup can only be read while it lives, the count after it died."""

    def __init__(
        self,
        pid: int,
        root: Path = ROOT,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memberships, self._root = proc / str(pid) / "cgroup", root
        self._seen: dict[Path, int] = {}
        self._clock, self._newest = clock, float("-inf")
        self.look()

    def look(self) -> None:
        """See where the process is now, for it may have moved, and count."""
        for counter in {*self._counters(), *self._seen}:
            count = _count(counter)
            if count is None:
                continue
            if count > self._seen.get(counter, count):
                self._newest = self._clock()
            self._seen[counter] = count

    def happened(self) -> bool:
        """Whether there has been a kill just now."""
        self.look()
        return self._clock() - self._newest < _JUST_NOW_S

    def _counters(self) -> list[Path]:
        try:
            lines = self._memberships.read_text().splitlines()
        except OSError:  # it is gone
            return []
        found = []
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                found += self._counters_of(controllers, path.lstrip("/"))
        return found

    def _counters_of(self, controller: str, path: str) -> list[Path]:
        # In a container the path may be that of the host, and what is there of it the root.
        if controller:
            folder = self._root / "memory"
            return _first([folder / path / "memory.oom_control", folder / "memory.oom_control"])
        folders = [self._root / path, self._root / "unified" / path, self._root]
        return _first([folder / "memory.events" for folder in folders])


def _first(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.is_file()][:1]


def _count(path: Path) -> int | None:
    try:
        fields = dict(line.split(" ", 1) for line in path.read_text().splitlines())
        return int(fields["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
