"""Whether the kernel killed for memory in the cgroup of a process, version 1 or 2."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class MemoryKills:
    """Follows one process: a cgroup can only be read while it lives, the count after it died."""

    def __init__(self, pid: int, root: Path = ROOT, proc: Path = Path("/proc")) -> None:
        self._memberships, self._root = proc / str(pid) / "cgroup", root
        self._before: dict[Path, int] = {}
        self.look()

    def look(self) -> None:
        """See where the process is now: it, or its shell, may have moved."""
        for counter in self._counters():
            if counter not in self._before and (count := _count(counter)) is not None:
                self._before[counter] = count

    def happened(self) -> bool:
        """Whether there has been a kill since the process was first seen there."""
        return any((_count(path) or 0) > count for path, count in self._before.items())

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
