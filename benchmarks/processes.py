"""What /proc says of a process and of what it started: time, memory, threads."""

from __future__ import annotations

import os
import signal
import time

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_IDLE_FOR_S = 0.15
_NAP_S = 0.05


def descendants(pid: int) -> list[int]:
    """All that live and stem from it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time, of ended threads too; 0 once it is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0


def private_mb(pid: int) -> float:
    """Memory that only this process has."""
    return sum(_memory(pid, "Private_Clean:", "Private_Dirty:").values())


def private_mb_of(pid: int, mapping: str) -> float:
    """The part of it that lies in mappings of this name."""
    found = _memory(pid, "Private_Clean:", "Private_Dirty:")
    return sum(size for name, size in found.items() if mapping in name)


def shared_out_mb(pids: list[int]) -> float:
    """Memory of several processes, each page once, those of others too shared out among all."""
    return sum(size for pid in pids for size in _memory(pid, "Pss:").values())


def threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def wait_until_idle(pid: int, limit: float) -> bool:
    """Until it and all that it started use no processor any more; False at the limit."""
    until, since = time.monotonic() + limit, time.monotonic()
    before = _used(pid)
    while time.monotonic() < until:
        time.sleep(_NAP_S)
        now = _used(pid)
        if now > before + _TICK_S / 2:
            before, since = now, time.monotonic()
        elif time.monotonic() - since >= _IDLE_FOR_S:
            return True
    return False


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_group(leader: int) -> None:
    """What is left of a session whose leader has ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _used(pid: int) -> float:
    return sum(cpu_seconds(each) for each in [pid, *descendants(pid)])


def _stat(pid: int) -> list[str] | None:
    """The fields after the name: state, parent, …"""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _memory(pid: int, *kinds: str) -> dict[str, float]:
    """Megabytes of some kinds, by mapping."""
    found: dict[str, float] = {}
    mapping = ""
    try:
        with open(f"/proc/{pid}/smaps") as file:
            for line in file:
                head, _, rest = line.partition(" ")
                if not head.endswith(":"):
                    mapping = rest.split(maxsplit=4)[-1].strip()
                elif head in kinds:
                    size = int(rest.split()[0]) * 1024 / 1e6
                    found[mapping] = found.get(mapping, 0.0) + size
    except OSError:
        pass
    return found
