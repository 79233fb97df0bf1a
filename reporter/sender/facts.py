"""Facts about the run that take time to find: git, packages, machine. Found in a thread."""

from __future__ import annotations

import threading
from typing import Any

from reporter.run.environment import collect


class EnvironmentFacts:
    """`found` is None until they are there, then what could be learnt."""

    def __init__(self, brief: dict[str, Any]) -> None:
        self.found: dict[str, Any] | None = None
        self._arguments = (brief["argv"], brief["cwd"], brief["import_path"])
        self._thread = threading.Thread(target=self._collect, name="environment", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the machine lets us have no more threads: they stay unknown
            pass

    def wait(self, seconds: float) -> None:
        """Give them a moment, if they are on their way."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _collect(self) -> None:
        self.found = collect(*self._arguments)
