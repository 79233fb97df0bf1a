"""Starts the sender and tells whether it lives; the only part of this room that training runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from reporter.board.layout import BRIEF_BYTES, BRIEF_END, BRIEF_OFFSET, Memory, above_streams

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "entry.py")
RESTART_AFTER = 60.0


class _Process(subprocess.Popen[bytes]):
    """A child that may outlive us by design: that is nothing to warn of."""

    def __del__(self) -> None:
        if getattr(self, "pid", None) is not None:  # it may never have been started
            self.poll()


_left_behind: list[_Process] = []  # senders that still deliver; reaped when they are done
# A mapping closes a descriptor of its own when it goes. These are kept for good, because the
# program may have closed that one itself, and its number may be one of its files by now.
_kept: list[Memory] = []


class SenderProcess:
    """The one child of a Reporter. It reads the shared memory, which outlives it."""

    def __init__(self, memory: Memory, brief: dict[str, Any], events: int | None) -> None:
        self.problem = ""
        self._memory = memory
        self._events = events
        self._process: _Process | None = None
        self._started_at: float | None = None
        # The memory, and what tells the sender of our death: the first of these is for it.
        # Each with what it stands for: a program that closes all descriptors gets the numbers anew.
        self._ours = {memory.descriptor: _what(memory.descriptor)}
        try:
            self._write_brief(brief)
            self._ours.update((each, _what(each)) for each in _death_notice())
        except BaseException:
            self.close_descriptors()
            raise

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> bool:
        """Start the sender; False, and `problem` says why, if the machine does not let us."""
        self._started_at = time.monotonic()
        if not all(_what(each) == what for each, what in self._ours.items()):
            self.problem = "the program closed the descriptors of its run"
            return False
        events, self._events = self._events, None
        try:
            self._process = self._begin(events)
        except (OSError, TypeError, ValueError, subprocess.SubprocessError, RuntimeError) as error:
            self.problem = f"{type(error).__name__}: {error}"
            return False
        finally:
            if events is not None:
                _close(events)  # the sender holds the record now, for as long as it lives
        return True

    def _begin(self, events: int | None) -> _Process:
        memory, trainer = list(self._ours)[:2]
        lent = (memory, trainer) if events is None else (memory, trainer, events)
        words = (memory, trainer, -1 if events is None else events)
        brief = (BRIEF_OFFSET, self._memory.words[BRIEF_END])
        return _Process(
            [sys.executable, "-I", "-S", ENTRY, *map(str, (*words, *brief))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            pass_fds=lent,
            start_new_session=True,
        )

    def alive(self) -> bool:
        """Whether it runs; reaps it if it has ended."""
        return self._process is not None and self._process.poll() is None

    def restart_if_dead(self) -> bool:
        """Start a new one for the same memory, at most once a minute. True if it was started."""
        if self.alive() or self._started_at is None:
            return False
        if time.monotonic() - self._started_at < RESTART_AFTER:
            return False
        return self.start()

    def kill(self) -> None:
        """End it now, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            self._process.poll()

    def let_go(self) -> None:
        """Leave it alone to deliver what is left, and give our descriptors back."""
        if self.alive() and self._process is not None:
            _left_behind.append(self._process)
        _left_behind[:] = [process for process in _left_behind if process.poll() is None]
        self.close_descriptors()

    def detach(self) -> None:
        """In a forked child, which may close every descriptor and open files of its own."""
        _kept.append(self._memory)
        self.close_descriptors()

    def close_descriptors(self) -> None:
        """Let go of what would tell the sender that this process lives."""
        # Forgotten first: their numbers are somebody else's from now on.
        ours, self._ours = self._ours, {}
        for descriptor, what in ours.items():
            if _what(descriptor) == what:
                os.close(descriptor)
            else:  # the program closed it: the number may be one of its files by now
                _kept.append(self._memory)

    def _write_brief(self, brief: dict[str, Any]) -> None:
        raw = json.dumps(brief).encode("ascii")
        if len(raw) > BRIEF_BYTES:
            raw = json.dumps({**brief, "argv": brief["argv"][:1]}).encode("ascii")
        self._memory.brief[: len(raw)] = raw
        self._memory.words[BRIEF_END] = len(raw)


def import_path() -> list[str]:
    """Where the sender finds what this process finds, less what may shadow the library's own.

    Without the script's and the working folder; if the library itself lies there, that folder
    comes last.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    shadowing = {_real(os.curdir)}
    if script:
        shadowing.add(_real(os.path.dirname(script)))
    found = [path for path in sys.path if path and _real(path) not in shadowing]
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [_absolute(path) for path in found if path != own] + [own]


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working folder was deleted
        return path


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:
        return path


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:  # a network file system says here that a write of the sender has failed
        pass


def _what(descriptor: int) -> tuple[int, int, str] | None:
    """What a descriptor stands for; None where it is closed."""
    try:
        facts = os.fstat(descriptor)
    except OSError:
        return None
    try:  # one inode stands for all pidfds, eventfds and the like on older kernels
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        name = ""
    return facts.st_dev, facts.st_ino, name


def _death_notice() -> tuple[int, ...]:
    """Descriptors by which the sender learns of our death; the first one is for it.

    A pidfd is opened here and handed down: one opened there, by number, could be too late.
    """
    try:
        return (above_streams(os.pidfd_open(os.getpid())),)
    except (AttributeError, OSError):
        reader, writer = os.pipe()
        return above_streams(reader), above_streams(writer)
