"""What the cgroups of a process let it have of the machine, version 1 or 2, and what they use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

_MEMORY_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}
_CPUSET_FILES = {1: "cpuset.effective_cpus", 2: "cpuset.cpus.effective"}


class Memory(NamedTuple):
    """Bytes. What the kernel would give back first is not in use."""

    used: int
    total: int


class Quota(NamedTuple):
    """Processor time that a group may have, in cores, and what it has had so far."""

    cores: float
    used_seconds: float


class _Mount(NamedTuple):
    """A hierarchy of groups, and from which of them on it is seen here."""

    version: int
    controllers: frozenset[str]
    root: str
    place: str


class Cgroups:
    """Those of one process, found anew for each reading: it may be moved.

    A limit of any group above it is one of its own; the tightest of them is what counts.
    """

    def __init__(self, pid: int, proc: str = "/proc") -> None:
        self._memberships = f"{proc}/{pid}/cgroup"
        self._mounts = list(_mounts(f"{proc}/self/mountinfo"))

    def memory(self) -> Memory | None:
        """Of the group with the lowest limit, which in version 1 may be more than there is."""
        found = [self._memory_in(*each) for each in self._groups("memory")]
        return min((each for each in found if each), key=lambda each: each.total, default=None)

    def quota(self) -> Quota | None:
        """Of the group with the fewest cores; None where none is limited by time."""
        found = [self._quota_in(*each) for each in self._groups("cpu")]
        return min((each for each in found if each), key=lambda each: each.cores, default=None)

    def cpus(self) -> frozenset[int] | None:
        """The numbers of those it may run on; None where no group says so."""
        for folder, version in self._groups("cpuset"):
            text = _text(folder, _CPUSET_FILES[version]) or _text(folder, "cpuset.cpus")
            if text:
                return frozenset(_numbers(text))
        return None

    def _memory_in(self, folder: str, version: int) -> Memory | None:
        limit, usage, idle = _MEMORY_FILES[version]
        total, used = _number(folder, limit), _number(folder, usage)
        if total is None or used is None:
            return None
        return Memory(max(0, used - int(_fields(folder, "memory.stat").get(idle, 0))), total)

    def _quota_in(self, folder: str, version: int) -> Quota | None:
        if version == 2:
            words = _text(folder, "cpu.max").split()
            used = _fields(folder, "cpu.stat").get("usage_usec")
            if len(words) != 2 or not words[0].isdecimal() or used is None:
                return None
            return Quota(int(words[0]) / int(words[1]), int(used) / 1e6)
        allowed, period = (_number(folder, f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        used_ns = self._used_in(folder)
        if allowed is None or not period or used_ns is None:
            return None
        return Quota(allowed / period, used_ns / 1e9)

    def _used_in(self, folder: str) -> int | None:
        """In version 1 another hierarchy counts, mounted elsewhere perhaps, of the same groups."""
        limiting = [mount for mount in self._mounts if "cpu" in mount.controllers]
        below = os.path.relpath(folder, limiting[0].place)
        places = [m.place for m in self._mounts if "cpuacct" in m.controllers]
        found = (_number(os.path.normpath(f"{p}/{below}"), "cpuacct.usage") for p in places)
        return next(found, None)

    def _groups(self, controller: str) -> Iterator[tuple[str, int]]:
        """The folders of its group and of those above it, as far as they are seen here."""
        for line in _text("", self._memberships).splitlines():
            _, names, path = line.split(":", 2)
            if names and controller not in names.split(","):
                continue
            for mount in self._mounts:
                if (controller in mount.controllers) if names else mount.version == 2:
                    yield from ((folder, mount.version) for folder in _upwards(mount, path))


def _upwards(mount: _Mount, path: str) -> Iterator[str]:
    """In a container the path may be the host's, and what is mounted there its own group."""
    below = os.path.relpath(path, mount.root)
    folder = os.path.normpath(os.path.join(mount.place, below))
    if below.startswith(".."):
        folder = mount.place
    while True:
        yield folder
        if folder == mount.place:
            return
        folder = os.path.dirname(folder)


def _mounts(path: str) -> Iterator[_Mount]:
    for line in _text("", path).splitlines():
        before, _, after = line.partition(" - ")
        root, place = before.split()[3:5]
        kind, _, options = [*after.split(), "", ""][:3]
        if kind in ("cgroup", "cgroup2"):
            version = 2 if kind == "cgroup2" else 1
            names = frozenset(options.split(",")) if version == 1 else frozenset[str]()
            yield _Mount(version, names, root, place)


def _numbers(text: str) -> Iterator[int]:
    """Of a list such as 0-3,8."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _number(folder: str, name: str) -> int | None:
    """None where there is none: no file, no limit (`max`, -1), no number."""
    text = _text(folder, name)
    return int(text) if text.isdecimal() else None


def _fields(folder: str, name: str) -> dict[str, str]:
    lines = (line.split() for line in _text(folder, name).splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""
