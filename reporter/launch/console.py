"""What a program prints: its streams, the relay that reads them, and the tail that is kept."""

from __future__ import annotations

import os
import subprocess
import sys

from reporter.launch import relay

_CLOSES_WITHIN = 3.0


class Console:
    """Both streams of a program. What the relay needs is ours as well: it may be replaced."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("console", os.MFD_CLOEXEC)
        os.ftruncate(self._memory, relay.SIZE)
        # Where both of ours are one, the program's are too: the order of its lines is kept.
        count = 1 if os.path.sameopenfile(1, 2) else 2
        self._pipes = [os.pipe() for _ in range(count)]
        self._relay = self._started()

    @property
    def descriptors(self) -> tuple[int, int]:
        """What the program gets as its standard output and error."""
        return self._pipes[0][1], self._pipes[-1][1]

    def tend(self) -> None:
        """Give a relay that was killed a successor; nothing in the pipes is lost."""
        if self._relay.poll() is not None:
            self._relay = self._started()

    def close(self) -> bytes:
        """Pass on what is left, for a bounded time. Returns the end of all that was printed."""
        self._relay.terminate()
        try:
            self._relay.wait(_CLOSES_WITHIN)
        except subprocess.TimeoutExpired:
            self._relay.kill()
        return relay.Tail(self._memory).text()

    def _started(self) -> subprocess.Popen[bytes]:
        passed = [self._memory, *(reader for reader, _ in self._pipes)]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", relay.__file__, *map(str, passed)],
            stdin=subprocess.DEVNULL,
            cwd="/",
            pass_fds=passed,
            start_new_session=True,  # Ctrl-Z is not meant for it
        )
