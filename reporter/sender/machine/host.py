"""How busy and full the machine is, by psutil; or the container, where its limits are tighter."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from reporter.sender.machine.cgroup import Cgroups, Memory, Quota
from reporter.sender.machine.reading import Reading, asked, plain


class Host:
    """What the training process shares with others."""

    def __init__(
        self,
        groups: Cgroups,
        clock: Callable[[], float] = time.monotonic,
        devices: str = "/sys",
    ) -> None:
        self._groups, self._clock, self._devices = groups, clock, devices
        self._before: _Cores | None = None
        self.read()  # a share of the cores is one of the time between two readings

    def read(self) -> Reading:
        """Of the time since the last one. Each part is absent where it cannot be read, alone."""
        memory = asked(self._memory)
        received, sent = asked(_network_bytes, self._devices) or (None, None)
        read, written = asked(_disk_bytes, self._devices) or (None, None)
        return plain(
            (
                ("reporter_host_cpu_ratio", asked(self._share_of_cores)),
                ("reporter_host_memory_used_bytes", memory and memory.used),
                ("reporter_host_memory_total_bytes", memory and memory.total),
                ("reporter_host_network_receive_bytes_total", received),
                ("reporter_host_network_transmit_bytes_total", sent),
                ("reporter_host_disk_read_bytes_total", read),
                ("reporter_host_disk_write_bytes_total", written),
            )
        )

    def _memory(self) -> Memory:
        machine = psutil.virtual_memory()
        limited = asked(self._groups.memory)
        if limited is not None and limited.total < machine.total:
            return limited
        return Memory(machine.total - machine.available, machine.total)

    def _share_of_cores(self) -> float | None:
        now, before = _Cores(self._groups, self._clock()), self._before
        self._before = now
        return None if before is None else now.share_since(before)


class _Cores:
    """Those that we may use, and how much time they were busy until now."""

    def __init__(self, groups: Cgroups, at: float) -> None:
        every = psutil.cpu_times(percpu=True)
        allowed = asked(groups.cpus) or frozenset[int]()
        # Whoever is offline has no place in the list, and the numbers are no longer the places.
        known = bool(allowed) and max(allowed) < len(every)
        here = [times for n, times in enumerate(every) if n in allowed] if known else every
        quota: Quota | None = asked(groups.quota)
        self._limited = quota if quota is not None and quota.cores < len(here) else None
        self._count, self._at = len(here), at
        self._busy, self._idle = (sum(each) for each in zip(*map(_spent, here), strict=True))

    def share_since(self, before: _Cores) -> float | None:
        """None where what we may use has changed in between."""
        passed = self._at - before._at
        if (self._count, self._limit) != (before._count, before._limit) or passed <= 0:
            return None
        if self._limited is not None and before._limited is not None:
            used = self._limited.used_seconds - before._limited.used_seconds
            return min(1.0, max(0.0, used / passed / self._limited.cores))
        busy, idle = self._busy - before._busy, self._idle - before._idle
        return min(1.0, max(0.0, busy / (busy + idle))) if busy + idle > 0 else None

    @property
    def _limit(self) -> float | None:
        return None if self._limited is None else self._limited.cores


def _spent(times: tuple[float, ...]) -> tuple[float, float]:
    """Of one core: busy and idle. The time of a guest is in that of its user already."""
    fields = times._asdict()  # type: ignore[attr-defined]
    idle = fields["idle"] + fields.get("iowait", 0.0)
    guests = fields.get("guest", 0.0) + fields.get("guest_nice", 0.0)
    return sum(times) - idle - guests, idle


def _network_bytes(devices: str) -> tuple[int, int]:
    """Of every interface but loopback; a bridge, bond or VLAN only passes on another's."""
    found = psutil.net_io_counters(pernic=True, nowrap=False).items()
    below = {name: asked(os.listdir, f"{devices}/class/net/{name}") or () for name, _ in found}
    real = [
        counts
        for name, counts in found
        if name != "lo" and not any(each.startswith("lower_") for each in below[name])
    ]
    return sum(each.bytes_recv for each in real), sum(each.bytes_sent for each in real)


def _disk_bytes(devices: str) -> tuple[int, int] | None:
    """Of what is a device: a partition, volume or RAID passes on the bytes of one, or is memory."""
    found = psutil.disk_io_counters(perdisk=True, nowrap=False).items()
    real = [counts for name, counts in found if _is_device(f"{devices}/block", name)]
    if not real:
        return None
    return sum(each.read_bytes for each in real), sum(each.write_bytes for each in real)


def _is_device(folder: str, disk: str) -> bool:
    if not os.path.isdir(folder):  # not Linux, where all that is listed is one
        return True
    own = os.path.join(folder, disk.replace("/", "!"))  # as the kernel writes such a name there
    return os.path.exists(f"{own}/device") and not _is_one_way_of_several(own)


def _is_one_way_of_several(folder: str) -> bool:
    """A path to a disk that is counted under its own name."""
    try:
        with open(f"{folder}/hidden") as file:
            return file.read().strip() == "1"
    except OSError:
        return False
