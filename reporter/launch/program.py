"""A program as a child of this process, and every other process that is left to us."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping, Sequence

FORWARDED = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
        signal.SIGCONT,
    }
)
_WAITED_FOR = FORWARDED | {signal.SIGCHLD}
_FROM_THE_TERMINAL = 0x80  # SI_KERNEL: it went to the whole foreground group, the program included
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_MOST_KEPT = 10_000


def hold_signals() -> None:
    """Let signals wait for `next_signal`. Before any thread is started: it would get them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)


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
        out, err = streams
        self.pid = os.posix_spawnp(
            command[0],
            list(command),
            dict(environment),
            file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
            setsigmask=[],
            # Python ignores these two for itself; a program expects them as they were.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )

    def next_signal(self, within: float) -> signal.Signals | None:
        """The next signal for the program, already passed on; None if the time is over."""
        found = signal.sigtimedwait(_WAITED_FOR, within)
        self._reap()
        # CPython hands out memory as it found it if this process was stopped meanwhile.
        if found is None or found.si_signo not in FORWARDED:
            return None
        number = signal.Signals(found.si_signo)
        if found.si_code != _FROM_THE_TERMINAL:
            self.send(number)
        return number

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.status is None:
            os.kill(self.pid, number)

    def status_of(self, pid: int) -> int | None:
        """How a process ended that was left to us; None if we do not know."""
        return self.status if pid == self.pid else self._ended.get(pid)

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
            elif len(self._ended) < _MOST_KEPT:
                self._ended[pid] = status
