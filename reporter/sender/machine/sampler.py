"""Reads the machine again and again, in threads that nobody waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from reporter.sender.background import Background
from reporter.sender.machine.reading import Reading, asked

_AFTER_START = 0.2  # the run's first values are on their way by then
_FIRST_AFTER = 1.0
_STALE_AFTER = 3  # readings that did not come
_SHARE_OF_A_CORE = 0.005  # that reading may take, however many processes training has


class _Source(Protocol):
    def read(self) -> Reading:
        """What there is to read by now."""


_Make = Callable[[], _Source | None]


class Sampler:
    """The newest readings of each kind. They are gone as soon as none follow.

    The driver of the GPUs has a thread of its own: one that hangs takes nothing else along.
    """

    def __init__(
        self,
        pid: int,
        interval: float,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pid, self._interval, self._clock = pid, interval, clock
        self._gpus_asked_for = environment.get("CUDA_VISIBLE_DEVICES")
        self._newest: dict[str, tuple[float, Reading]] = {}
        self._over = threading.Event()
        if interval > 0:
            self._start("machine", (self._process, self._host))
            self._start("gpus", (self._gpus,))

    def newest(self) -> Reading:
        """Every family that could be read, once."""
        if self._over.is_set():
            return []
        now, kept = self._clock(), list(self._newest.values())
        return [family for until, reading in kept if now < until for family in reading]

    def stop(self) -> None:
        """Read no more, and show none."""
        self._over.set()

    def _start(self, name: str, sources: Sequence[_Make]) -> None:
        try:
            Background(partial(self._watch, name, sources), name).start()
        except RuntimeError:  # the machine lets us have no more threads: they stay unknown
            pass

    def _watch(self, name: str, sources: Sequence[_Make]) -> None:
        if self._over.wait(_AFTER_START):
            return
        found = [source for source in map(asked, sources) if source is not None]
        pause = min(_FIRST_AFTER, self._interval)
        while found and not self._over.wait(pause):
            began = time.thread_time()
            reading = [family for source in found for family in asked(source.read) or ()]
            spent = time.thread_time() - began
            pause = min(max(self._interval, spent / _SHARE_OF_A_CORE), threading.TIMEOUT_MAX)
            self._newest[name] = (self._clock() + _STALE_AFTER * pause, reading)

    # Imported only now: where the package is missing, these families are absent and nothing else.

    def _process(self) -> _Source:
        from reporter.sender.machine.process import TrainingProcesses  # noqa: PLC0415

        return TrainingProcesses(self._pid)

    def _host(self) -> _Source:
        from reporter.sender.machine.cgroup import Cgroups  # noqa: PLC0415
        from reporter.sender.machine.host import Host  # noqa: PLC0415

        return Host(Cgroups(self._pid))

    def _gpus(self) -> _Source | None:
        from reporter.sender.machine.gpu import Gpus  # noqa: PLC0415
        from reporter.sender.machine.visible import sees_none  # noqa: PLC0415

        if sees_none(self._gpus_asked_for):
            return None
        import pynvml  # noqa: PLC0415

        gpus = Gpus(pynvml, self._gpus_asked_for)
        return gpus if gpus.seen else None
