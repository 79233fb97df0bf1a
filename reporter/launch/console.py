"""What a program prints: its streams, the relay that reads them, and the tail that is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from reporter.launch import relay
from reporter.launch.say import say

NAME = "console.log"
_BETWEEN_STARTS = 1.0


class NoConsole:
    """Where there can be none, the program prints to where we would."""

    descriptors = (1, 2)

    def tend(self) -> None:
        pass

    def finish(self) -> None:
        pass

    @property
    def busy(self) -> bool:
        return False

    def close(self) -> bytes:
        return b""


class Console:
    """Both streams of a program. What the relay needs is ours as well: it may be replaced."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("console", os.MFD_CLOEXEC)
        os.ftruncate(self._memory, relay.SIZE)
        # Where both of ours are one, the program's are too: the order of its lines is kept.
        count = 1 if os.path.sameopenfile(1, 2) else 2
        self._pipes = [os.pipe() for _ in range(count)]
        self._relay = self._started()
        self._tried_at = time.monotonic()

    @property
    def descriptors(self) -> tuple[int, int]:
        """What the program gets as its standard output and error."""
        return self._pipes[0][1], self._pipes[-1][1]

    def tend(self) -> None:
        """Give a relay that was killed a successor; nothing in the pipes is lost."""
        now = time.monotonic()
        if now - self._tried_at < _BETWEEN_STARTS or self._relay.poll() is None:
            return
        self._tried_at = now
        try:
            self._relay = self._started()
        except (OSError, subprocess.SubprocessError):  # next time, perhaps
            pass

    def finish(self) -> None:
        """Begin to pass on what is left."""
        self._relay.terminate()

    @property
    def busy(self) -> bool:
        """Whether somebody still takes it."""
        return self._relay.poll() is None

    def close(self) -> bytes:
        """Leave it at that. Returns the end of all that was printed."""
        self._relay.kill()
        if self._relay.wait():
            say(f"whoever reads the output did not take all of it; {NAME} has the end of it")
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
