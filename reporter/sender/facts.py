"""Facts about the run that take time to find: git, packages, machine, cloud. Found in threads."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

from reporter.run.environment import collect
from reporter.sender.background import Background
from reporter.sender.cloud.lookup import look_up


class EnvironmentFacts:
    """What could be learnt so far. Nobody waits for a cloud: it has told soon, or never."""

    def __init__(self, brief: dict[str, Any]) -> None:
        self._known: dict[str, Any] = {}
        self._found: deque[dict[str, Any]] = deque()
        self._arguments = (brief["argv"], brief["cwd"], brief["import_path"])
        self._thread = Background(self._collect, "environment")
        try:
            self._thread.start()
        except RuntimeError:  # the machine lets us have no more threads: they stay unknown
            pass
        settings = brief["settings"]
        if settings["cloud"] and settings["mode"] == "online":
            look_up(lambda told: self._found.append({"cloud": told}), os.environ)

    def news(self) -> dict[str, Any] | None:
        """All that is known by now, if that is more than the last time."""
        if not self._found:
            return None
        while self._found:
            self._known = {**self._found.popleft(), **self._known}  # who told first is believed
        return self._known

    def wait(self, seconds: float) -> None:
        """Give what this machine knows itself a moment, if it is on its way."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _collect(self) -> None:
        self._found.append(collect(*self._arguments))
