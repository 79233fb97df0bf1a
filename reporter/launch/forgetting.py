"""Takes a run from the gateway on which it showed, where nobody will push it there again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from reporter.sender.background import Background
from reporter.sender.delivery import target_of
from reporter.settings import Settings
from reporter.sinks import sink_for
from reporter.sinks.base import Sink

_AGAIN_AFTER = 30.0
_STOPS_WITHIN = 1.0


def pushed_to(settings: Settings) -> str | None:
    """The gateway of a run with these settings."""
    return settings.gateway if settings.mode == "online" else None


class Forgetting:
    """Asks in a thread, and again until the gateway has done it, or somebody wants the group."""

    def __init__(
        self, settings: Settings, group: Mapping[str, str], unwanted: Callable[[], bool]
    ) -> None:
        """`unwanted` is asked in that thread, before each request."""
        self._settings, self._group, self._unwanted = settings, group, unwanted
        self._due, self._done = False, pushed_to(settings) is None
        self._sink: Sink | None = None
        self._thread: Background | None = None
        self._tried_at = float("-inf")

    def begin(self) -> None:
        """From now on nobody wants it."""
        self._due = True
        self.tend()

    def stop(self) -> None:
        """Somebody wants it after all: what is under way must not come after their first push."""
        self._due = False
        if self._sink is not None:
            self._sink.abort()
        if self._thread is not None:
            self._thread.join(_STOPS_WITHIN)

    def tend(self) -> None:
        """Try again, if it has failed for long enough."""
        if time.monotonic() - self._tried_at > _AGAIN_AFTER:
            self._start()

    def hurry(self) -> None:
        """Our time is nearly over: what has failed is tried once more, now."""
        self._tried_at = float("-inf")
        self.tend()

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        if self._due and not self._done and not self.busy:
            self._tried_at = time.monotonic()
            self._thread = Background(self._work, "forget")
            try:
                self._thread.start()
            except RuntimeError:  # the machine lets us have no more threads, for now
                self._thread = None

    def _work(self) -> None:
        try:
            if not self._unwanted():
                self._done = True
                return
            sink = self._sink = sink_for(target_of(self._settings.values()))
            try:
                self._done = sink.delete(self._group).ok
            finally:
                self._sink = None
                sink.close()
        except Exception:  # noqa: BLE001 - no descriptor, perhaps: it is tried again
            pass
