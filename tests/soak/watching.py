"""Looks at every process of the soak, again and again: its arguments, memory, descriptors."""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tests.processes import (
    began,
    children_of,
    command_of,
    descriptors_of,
    environment_of,
    gone,
    numbers,
    status_of,
)
from tests.soak.canaries import Canaries
from tests.soak.life import MARK

EVERY_S = 0.25
SAMPLES_EVERY_S = 1.0
SENDER = b"sender/entry.py"
_MIB = 1 << 20


class Sample(NamedTuple):
    """What one process has at one moment; memory in bytes, shared memory apart."""

    memory: int
    shared: int
    descriptors: int
    threads: int
    zombies: int


class Watcher:
    """Knows which processes belong to which life; those that are to be sampled it samples."""

    def __init__(self, lives: Path, canaries: Canaries) -> None:
        self.seen = 0
        self.looks = 0
        self.largest_sender = 0  # bytes of memory that it shares with nobody
        self.samples: dict[str, list[Sample]] = {}
        self._lives, self._canaries = lives, canaries
        self._known: dict[int, _Process] = {}
        self._sampled: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def processes(self, number: int) -> set[int]:
        """The live processes of a life, as of the last look."""
        return {pid for pid, process in self._known.items() if process.life == number}

    def senders(self, number: int) -> list[int]:
        """Those of them that are senders, and still there."""
        found = self._known.items()
        pids = [pid for pid, each in found if each.life == number and SENDER in each.command]
        return [pid for pid in pids if self._life_of(pid) == number]

    def everyone(self) -> set[int]:
        return {pid for pid in self._known if self._life_of(pid) is not None}

    def everybody(self) -> list[str]:
        """Each of them, for a person."""
        known = self._known.items()
        return [f"{pid} of life {p.life}: {p.command.decode()!r}" for pid, p in known]

    def look_again(self) -> None:
        """Return after two whole looks that began after this call."""
        wanted = self.looks + 3
        while self.looks < wanted and not self._over.wait(EVERY_S / 4):
            pass

    def sample(self, name: str, pid: int) -> None:
        """Sample this process from now on."""
        self._sampled[name] = pid

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._over.wait(EVERY_S):
            self._look()
            if time.monotonic() >= due:
                due += SAMPLES_EVERY_S
                self._take_samples()

    def _take_samples(self) -> None:
        for name, pid in list(self._sampled.items()):
            sample = _sample(pid)
            if sample is not None:
                self.samples.setdefault(name, []).append(sample)
        senders = [pid for pid, process in self._known.items() if SENDER in process.command]
        sizes = [sample.memory for pid in senders if (sample := _sample(pid))]
        self.largest_sender = max([self.largest_sender, *sizes])

    def _look(self) -> None:
        known: dict[int, _Process] = {}
        for pid in numbers():
            start, before = began(pid), self._known.get(pid)
            if before is not None and before.began != start:
                before = None
            life = before.life if before else self._life_of(pid)
            if life is None or gone(pid):
                continue
            command = command_of(pid)
            if before is None or before.command != command:  # new, or another program by now
                self.seen += 1
                self._canaries.search(f"the arguments of process {pid}", command)
            known[pid] = _Process(start, life, command)
        self._known = known
        self.looks += 1

    def _life_of(self, pid: int) -> int | None:
        """The number of the life that a process belongs to, if it is one of ours."""
        for variable in environment_of(pid).split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == MARK.encode() and Path(value.decode()).parent == self._lives:
                return int(Path(value.decode()).name)
        return None


class _Process(NamedTuple):
    began: bytes
    life: int
    command: bytes


class Trend(NamedTuple):
    """How a count or a size went, from the first third of the time to the last."""

    first: float
    last: float
    most: float

    @property
    def growth(self) -> float:
        return self.last - self.first

    @classmethod
    def of(cls, values: list[int]) -> Trend:
        third = max(1, len(values) // 3)
        first, last = statistics.median(values[:third]), statistics.median(values[-third:])
        return cls(float(first), float(last), float(max(values)))

    def in_mib(self) -> dict[str, float]:
        found = self._asdict().items()
        return {name: round(value / _MIB, 2) for name, value in found}


def _sample(pid: int) -> Sample | None:
    status = status_of(pid)
    try:
        descriptors, children = len(descriptors_of(pid)), children_of(pid)
    except OSError:
        return None
    if "RssAnon" not in status:
        return None
    return Sample(
        memory=_kib(status["RssAnon"]),
        shared=_kib(status["RssShmem"]),
        descriptors=descriptors,
        threads=int(status["Threads"]),
        zombies=sum(map(gone, children)),
    )


def _kib(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) << 10
