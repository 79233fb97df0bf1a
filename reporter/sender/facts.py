"""Facts about the run that take time to find: git, packages, machine. Found in a thread."""

from __future__ import annotations

from typing import Any

from reporter.run.environment import collect
from reporter.sender.background import Background


class EnvironmentFacts:
    """`found` is None until they are there, then what could be learnt."""

    def __init__(self, brief: dict[str, Any]) -> None:
        self.found: dict[str, Any] | None = None
        self._arguments = (brief["argv"], brief["cwd"], brief["import_path"])
        self._thread = Background(self._collect, "environment")
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
