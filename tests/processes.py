"""What /proc says of a process. Of one that has ended most of it is empty; the rest raises."""

from __future__ import annotations

import os
from collections.abc import Iterator


def numbers() -> Iterator[int]:
    """Every process that there is."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    fields = _stat(pid)
    # It shows as a zombie once its first thread has ended; it can be reaped after its last one.
    return not fields or (fields[0] in (b"Z", b"X") and len(_threads(pid)) < 2)


def began(pid: int) -> bytes:
    """When it was started: what tells it from a later one of the same number."""
    fields = _stat(pid)
    return fields[19] if fields else b""


def command_of(pid: int) -> bytes:
    """Its arguments, each ended by a NUL."""
    return _read(pid, "cmdline")


def environment_of(pid: int) -> bytes:
    """The variables that it was started with, each ended by a NUL."""
    return _read(pid, "environ")


def status_of(pid: int) -> dict[str, str]:
    """The lines of its status, by name."""
    lines = _read(pid, "status").decode().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def cpu_seconds(pid: int) -> float:
    """The processor time that a live process has used, itself."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    """The processes that a live process has started and that are still there."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]


def descriptors_of(pid: int) -> list[str]:
    """The numbers of what a live process has open."""
    return os.listdir(f"/proc/{pid}/fd")


def open_files(pid: int) -> list[str]:
    """What a process has open; nothing of one that has ended."""
    try:
        found = [_link(f"/proc/{pid}/fd/{number}") for number in descriptors_of(pid)]
    except OSError:
        return []
    return [path for path in found if path]


def _stat(pid: int) -> list[bytes]:
    """The fields behind its name, which may have blanks and brackets in it."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:  # it was reaped just now
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # it was closed meanwhile
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:  # it has ended
        return b""
