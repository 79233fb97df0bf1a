"""What the training process and its children use, by psutil. No sender is one of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psutil

from reporter.sender.machine.reading import Reading, asked, plain

_ENTRY = os.path.join("reporter", "sender", "entry.py")
_THREADS_SAY = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


class _Use(NamedTuple):
    """Of one process, or of all; None where it cannot be read."""

    cpu: float | None = None
    memory: float | None = None
    threads: float | None = None
    read: float | None = None
    written: float | None = None


class TrainingProcesses:
    """A process and all that stem from it. What one has used stays counted when it has ended.

    The kernel adds an ended process's time and bytes to those of whoever waits for it: the sum
    over the living tells it all. Where nobody waited, the sum falls, and here it stays as it was.
    """

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._clock = psutil.Process(pid), clock
        self._uses: dict[psutil.Process, _Use] = {}
        self._cpu, self._bytes_read, self._bytes_written = _NeverLess(), _NeverLess(), _NeverLess()
        self._at: float | None = None
        self.read()  # a share of the processor is one of the time between two readings

    def read(self) -> Reading:
        """Of the time since the last one."""
        now = self._clock()
        self._uses = {each: self._use_of(each) for each in self._alive()}
        every = _Use(*(_sum(parts) for parts in zip(*self._uses.values(), strict=True)))
        used = self._cpu.grown_by(every.cpu)
        passed, self._at = 0.0 if self._at is None else now - self._at, now
        return plain(
            (
                ("reporter_process_cpu_ratio", used / passed if passed > 0 else None),
                ("reporter_process_memory_bytes", every.memory),
                ("reporter_process_threads", every.threads),
                ("reporter_process_read_bytes_total", self._bytes_read.total(every.read)),
                ("reporter_process_write_bytes_total", self._bytes_written.total(every.written)),
            )
        )

    def _alive(self) -> list[psutil.Process]:
        """Who was there before and still is, and who stems from one of them.

        One whose parent has ended belongs to it still: it has done, and does, its work.
        """
        found = [each for each in (self._root, *self._uses) if each.is_running()]
        found = list(dict.fromkeys(each for each in found if not _is_sender(each)))
        known = {each.pid for each in found}
        for parent in found:  # which grows meanwhile
            for pid in _children_of(parent):
                child = None if pid in known else asked(psutil.Process, pid)
                known.add(pid)
                if child is not None and not _is_sender(child):
                    found.append(child)
        return found

    def _use_of(self, process: psutil.Process) -> _Use:
        before, whole = self._uses.get(process, _Use()), process == self._root
        with process.oneshot():
            times, moved = asked(process.cpu_times), asked(_bytes_moved, process)
            # Of what only grows the last value stands in: it would all count again later.
            return _Use(
                # Its own, and that of its ended children.
                cpu=before.cpu if times is None else sum(times[:4]),
                memory=asked(_memory_of, process, whole),
                threads=asked(process.num_threads),
                read=before.read if moved is None else moved[0],
                written=before.written if moved is None else moved[1],
            )


class _NeverLess:
    """A sum over processes that come and go, of what each of them only ever has more of."""

    def __init__(self) -> None:
        self._total: float | None = None
        self._before = 0.0

    def grown_by(self, found: float | None) -> float:
        """How much there is more than the last time."""
        if found is None:
            return 0.0
        more = max(0.0, found - self._before) if self._total is not None else found
        self._total, self._before = (self._total or 0.0) + more, found
        return more

    def total(self, found: float | None) -> float | None:
        """All of it."""
        self.grown_by(found)
        return self._total


def _memory_of(process: psutil.Process, whole: bool) -> int:
    """Of the training process all that is in memory, of a child what it does not share.

    Libraries and shared tensors count once. Pages that a forked child has in common with its
    parent until one of them writes count twice. Only the kernel's walk over every page would tell
    (PSS, USS): for that it holds up whatever else training wants of its memory meanwhile.
    """
    found = process.memory_info()
    return int(found.rss if whole else found.rss - getattr(found, "shared", 0))


def _bytes_moved(process: psutil.Process) -> tuple[int, int]:
    found = process.io_counters()
    return found.read_bytes, found.write_bytes


def _sum(parts: tuple[float | None, ...]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _is_sender(process: psutil.Process) -> bool:
    """Ours, that of another Reporter in there, or one that still delivers an earlier run."""
    if process.pid == os.getpid():
        return True
    words = asked(process.cmdline) or []
    return words[1:3] == ["-I", "-S"] and len(words) > 3 and words[3].endswith(_ENTRY)


def _children_of(process: psutil.Process) -> Iterator[int]:
    """By what each of its threads has started: to look through all processes takes far longer."""
    if not _THREADS_SAY:
        yield from (child.pid for child in asked(process.children) or ())
        return
    folder = f"/proc/{process.pid}/task"
    for thread in asked(os.listdir, folder) or ():
        try:
            with open(f"{folder}/{thread}/children") as file:
                found = file.read().split()
        except OSError:  # it has ended
            continue
        yield from map(int, found)
