"""The run of a program that has not opened a Reporter, and may never do so."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from typing import Any

from reporter.record.hold import is_held
from reporter.record.paths import RunPaths
from reporter.reporter.opening import Opening
from reporter.reporter.session import Session
from reporter.settings import Settings


class NoRun:
    """What stands in for a run where nothing is to be reported."""

    delivers = False

    def hand_over(self, _rank: int) -> dict[str, Any] | None:
        return None

    def end(self, told: dict[str, Any]) -> None:
        pass

    def records(self, of_reporters: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        return list(of_reporters)


class Provisional:
    """Shows the program as running until a Reporter of the same rank takes the run."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._settings, self._opening = settings, Opening(settings)
        self._opening.brief["argv"] = list(command)
        # A run that is continued has a history, which is not ours to remove.
        self._fresh = not os.path.exists(self._paths().run_json)
        self._session = Session(settings, self._opening)
        self._lock = threading.Lock()
        self.live = True

    @property
    def run_id(self) -> str:
        return self._opening.run_id

    @property
    def rank(self) -> int:
        return self._opening.rank

    @property
    def delivers(self) -> bool:
        """Whether its sender is at work."""
        return self._session.status()["sender"] is not None

    def hand_over(self, rank: int) -> dict[str, Any] | None:
        """Give the run to a Reporter; None if it is not there to be given."""
        with self._lock:
            if rank != self.rank or not self.live:
                return None
            self.live = False
            self._session.hand_over()
        told = self._opening.brief["run"]
        place = {"project": self._settings.project, "dir": self._settings.dir}
        return {name: told[name] for name in ("id", "name", "token", "group")} | place

    def end(self, told: dict[str, Any]) -> None:
        """End the run, if nobody took it, as its Reporter would: with a bounded wait."""
        with self._lock:
            if self.live:
                self.live = False
                self._session.end(told["state"], told["reason"], told["detail"])

    def records(self, of_reporters: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The rank and record of each run that there was, at the end."""
        folder = self._session.status()["record"]
        if not of_reporters:
            return [(self.rank, str(folder))] if folder else []
        if folder and folder not in [each for _, each in of_reporters]:
            self._remove(folder)
        return list(of_reporters)

    def _remove(self, folder: str) -> None:
        """The run was taken, and its record is elsewhere: what we began is none."""
        if self._fresh and not is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _remove_empty(os.path.dirname(folder))

    def _paths(self) -> RunPaths:
        settings = self._settings
        return RunPaths(settings.dir, settings.project, self.run_id, self.rank)


def _remove_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # another rank's record is there
        pass
