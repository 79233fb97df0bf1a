"""A program as a child of this process, and every other process that is left to us."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Mapping, Sequence

# What is ours, what says that this process itself is broken, and what a terminal stops it with.
_NOT_FORWARDED = {
    *(signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ),
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT),
    *(signal.SIGTRAP, signal.SIGSYS, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
}
FORWARDED = frozenset(signal.valid_signals() - _NOT_FORWARDED)
_WAITED_FOR = FORWARDED | {signal.SIGCHLD}
# From the terminal these went to the whole foreground group, the program included; a hang-up
# goes to the first process of the session alone.
_FROM_THE_TERMINAL = 0x80  # SI_KERNEL
_TO_ALL = (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_MOST_KEPT = 10_000
_SHELL = "/bin/sh"


def hold_signals() -> None:
    """Let signals wait for `next_signal`. Before any thread is started: it would get them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, nobody would learn how a child ended


class Program:
    """Runs a command, and passes on to it every signal that waits."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int]
    ) -> None:
        """Raises OSError if there is no such program."""
        self.status: int | None = None
        self._ended: dict[int, int] = {}
        # Orphans come to us: a sender outlives its trainer, and nobody else would reap it.
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        try:
            self.pid = _spawned(command, environment, streams)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            self.pid = _spawned([_SHELL, *command], environment, streams)  # as execvp does

    def next_signal(self, within: float) -> int | None:
        """The next signal for the program, already passed on; None if the time is over."""
        found = signal.sigtimedwait(_WAITED_FOR, within)
        self._reap()
        # CPython hands out memory as it found it if this process was stopped meanwhile.
        if found is None or found.si_signo not in FORWARDED:
            return None
        number = found.si_signo
        if found.si_code != _FROM_THE_TERMINAL or number not in _TO_ALL:
            self.send(number)
        return number

    def send(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self.status is None:
            send(self.pid, number)

    def status_of(self, pid: int) -> int | None:
        """How a process ended that was left to us; None if we do not know."""
        return self.status if pid == self.pid else self._ended.get(pid)

    def forget(self, pid: int) -> None:
        """A process of this number lives: whichever ended was another one."""
        self._ended.pop(pid, None)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid == self.pid:
                self.status = status
            else:
                self._ended[pid] = status
                if len(self._ended) > _MOST_KEPT:
                    del self._ended[next(iter(self._ended))]


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone, or somebody else's."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def lives(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _spawned(
    command: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int]
) -> int:
    out, err = streams
    return os.posix_spawnp(
        command[0],
        list(command),
        dict(environment),
        file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
        setsigmask=[],
        # Python ignores these two for itself; a program expects them as they were.
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )
