"""What told us, and so the program, to stop: as far as it explains how the program ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

_MEANT_S = 60.0  # an end later than this after it was another matter, as for a sender


class Stops:
    """Keeps the first stop of the last minute: one that the program got over explains nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: tuple[float, signal.Signals] | None = None

    def note(self, number: signal.Signals) -> None:
        """We were told to stop."""
        if self.meant() is None:
            self._asked = self._clock(), number

    def meant(self) -> signal.Signals | None:
        """What told the program to stop, if that may be why it ends now."""
        if self._asked is None or self._clock() - self._asked[0] > _MEANT_S:
            return None
        return self._asked[1]
