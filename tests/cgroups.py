"""Cgroups with a limit on memory or processes, version 1 or 2, whichever can be made here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.machine import may_mount
from tests.waiting import wait_for


class MemoryGroup:
    """Processes that may have so much memory together. A child stays in its parent's group."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder, self._version = folder, version

    @property
    def entering(self) -> list[str]:
        """Before a command, this makes it run in the group."""
        return _entering(self.folder)

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


_LIMITS = {
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    2: ("memory.max", "memory.swap.max"),
}


@contextmanager
def memory_group(size: int) -> Iterator[MemoryGroup]:
    """A new group that may have so much memory; skips where there can be none."""
    with ExitStack() as stack:
        problems = []
        for base, version in _bases():
            try:
                folder = stack.enter_context(group_below(base, "memory"))
            except OSError as error:
                problems.append(str(error))
            else:
                group = MemoryGroup(folder, version)
                group.limit(size)
                yield group
                return
        _cannot_be_made("memory", "; ".join(problems) or "none is mounted")


@contextmanager
def few_processes(most: int) -> Iterator[list[str]]:
    """At most so many processes and threads; skips where there can be no such group."""
    top = Path("/sys/fs/cgroup")
    base = top / "pids" if (top / "pids").is_dir() else top
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(group_below(base, "pids"))
        except OSError as error:
            _cannot_be_made("processes", str(error))
        (folder / "pids.max").write_text(str(most))
        yield _entering(folder)


@contextmanager
def group_below(base: Path, controller: str) -> Iterator[Path]:
    """A new group below another one, which is afterwards as it was before."""
    with handing_down(base, controller):
        folder = base / f"reporter-{controller}-{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            _wait_until_empty(folder)
            folder.rmdir()


def _wait_until_empty(folder: Path) -> None:
    left = folder / "cgroup.procs"
    try:
        wait_for(lambda: not left.read_text(), 20, "the group's processes to end")
    finally:
        for pid in map(int, left.read_text().split()):  # whoever is in it was started by the test
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not left.read_text(), 10, "the killed ones to be gone")


@contextmanager
def handing_down(base: Path, controller: str) -> Iterator[None]:
    """Let groups below this one have a controller; in version 1 they have it anyway."""
    file = base / "cgroup.subtree_control"
    if not file.exists() or controller in file.read_text().split():
        yield
        return
    file.write_text(f"+{controller}")
    try:
        yield
    finally:
        try:
            file.write_text(f"-{controller}")
        except OSError:
            pass  # a group of somebody else's uses it by now


def _entering(folder: Path) -> list[str]:
    return ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh"]


def _cannot_be_made(of: str, why: str) -> NoReturn:
    message = f"no cgroup of {of} can be made here: {why}"
    if os.environ.get("CI") and may_mount():
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
