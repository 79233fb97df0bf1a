"""A cgroup with a limit on memory, version 1 or 2, whichever this machine lets us make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_for


class MemoryGroup:
    """Processes that may have so much memory together. A child stays in its parent's group."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder, self._version = folder, version

    @property
    def entering(self) -> list[str]:
        """Before a command, this makes it run in the group."""
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def kills(self) -> int:
        """How many of its processes the kernel has killed for memory."""
        name = "memory.oom_control" if self._version == 1 else "memory.events"
        lines = (self.folder / name).read_text().splitlines()
        found = dict(line.split() for line in lines)
        return int(found["oom_kill"])

    def limit(self, size: int) -> None:
        """Set the limit, without swap if there is any."""
        files = _LIMITS[self._version]
        (self.folder / files[0]).write_text(str(size))
        swap = self.folder / files[1]
        if swap.exists():
            swap.write_text(str(size) if self._version == 1 else "0")

    def processes(self) -> list[int]:
        return [int(line) for line in (self.folder / "cgroup.procs").read_text().split()]


_LIMITS = {
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    2: ("memory.max", "memory.swap.max"),
}


@contextmanager
def memory_group(size: int) -> Iterator[MemoryGroup]:
    """A new group with this limit; skips where there can be none, but not for root in CI."""
    group = _made()
    try:
        group.limit(size)
        yield group
    finally:
        wait_for(lambda: not group.processes(), 20, "the group's processes to end")
        group.folder.rmdir()


def _made() -> MemoryGroup:
    problems = []
    for base, version in _bases():
        folder = base / f"reporter-test-{os.getpid()}"
        try:
            if version == 2:
                (base / "cgroup.subtree_control").write_text("+memory")
            folder.mkdir()
        except OSError as error:
            problems.append(str(error))
        else:
            return MemoryGroup(folder, version)
    message = f"no memory cgroup can be made here: {'; '.join(problems) or 'none is mounted'}"
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(message)
    pytest.skip(message)


def _bases() -> Iterator[tuple[Path, int]]:
    """Folders in which a group may be made: first below our own, then at the top."""
    own = _own_groups()
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            version, controller = 1, "memory"
        elif kind == "cgroup2":
            version, controller = 2, ""
        else:
            continue
        below = Path(mount + own.get(controller, "/"))
        if version == 1:
            yield from ((each, version) for each in (below, Path(mount)) if each.is_dir())
        else:  # a group with processes of its own cannot give memory to those below it
            yield from ((each, version) for each in (Path(mount), below) if each.is_dir())


def _own_groups() -> dict[str, str]:
    """By controller, where this process is."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    fields = (line.split(":", 2) for line in lines)
    return {name: path for _, names, path in fields for name in names.split(",")}
