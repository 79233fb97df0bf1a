"""The run of a program that has not opened a Reporter, and may never do so."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from typing import Any

from reporter.launch.switchboard import SenderLine
from reporter.record.hold import is_held
from reporter.record.paths import RunPaths
from reporter.reporter.opening import Opening
from reporter.reporter.session import Session
from reporter.sender.delivery import target_of
from reporter.settings import Settings
from reporter.sinks import sink_for


class NoRun:
    """What stands in for a run where nothing is to be reported."""

    delivers = False

    def hand_over(self, _rank: int, _gateway: str | None) -> dict[str, Any] | None:
        return None

    def tend(self, called: Sequence[SenderLine]) -> None:
        pass

    def end(self, told: dict[str, Any]) -> None:
        pass

    def settle(self, _called: Sequence[SenderLine]) -> str | None:
        return None


class Provisional:
    """Shows the program as running until a Reporter of the same rank takes the run."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._settings, self._opening = settings, Opening(settings)
        self._opening.brief["argv"] = list(command)
        # A run that is continued has a history, which is not ours to remove.
        self._fresh = not os.path.exists(self._paths().run_json)
        self._session = Session(settings, self._opening)
        self._lock = threading.Lock()
        self._live, self._handed, self._withdrawn = True, False, False

    @property
    def delivers(self) -> bool:
        """Whether its sender is at work."""
        return self._session.status()["sender"] is not None

    def hand_over(self, rank: int, gateway: str | None) -> dict[str, Any] | None:
        """Give the run to a Reporter; None if it is not there to be given."""
        with self._lock:
            if rank != self._opening.rank or not self._live:
                return None
            self._live, self._handed = False, True
            self._session.hand_over()
        if gateway != self._gateway:
            self._forget_group()
        told = self._opening.brief["run"]
        place = {"project": self._settings.project, "dir": self._settings.dir}
        return {name: told[name] for name in ("id", "name", "token", "group")} | place

    def tend(self, called: Sequence[SenderLine]) -> None:
        """Give a dead sender a successor; step back where other ranks are what runs here."""
        if not self._live:
            return
        if called and all(sender.rank != self._opening.rank for sender in called):
            with self._lock:
                if self._live:
                    self._live, self._withdrawn = False, True
                    self._session.hand_over()
            self._forget_group()
        else:
            self._session.tend()

    def end(self, told: dict[str, Any]) -> None:
        """End the run, if nobody took it, as its Reporter would: with a bounded wait."""
        with self._lock:
            if self._live:
                self._live = False
                self._session.end(told["state"], told["reason"], told["detail"])

    def settle(self, called: Sequence[SenderLine]) -> str | None:
        """The record that is still ours at the end; one that was begun for nothing is removed."""
        folder = self._session.status()["record"]
        if not folder:
            return None
        takers = [each.record for each in called if each.rank == self._opening.rank]
        begun_for_nothing = self._withdrawn or (self._handed and takers and folder not in takers)
        if not begun_for_nothing:
            return str(folder)
        if self._fresh and not is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _remove_empty(os.path.dirname(folder))
        return None

    @property
    def _gateway(self) -> str | None:
        return self._settings.gateway if self._settings.mode == "online" else None

    def _forget_group(self) -> None:
        """Take the run from our gateway: nobody else will push it there again."""
        if self._gateway is not None:
            sink = sink_for(target_of(self._settings.values()))
            group = self._opening.brief["run"]["group"]
            threading.Thread(target=sink.delete, args=(group,), name="forget", daemon=True).start()

    def _paths(self) -> RunPaths:
        settings, opening = self._settings, self._opening
        return RunPaths(settings.dir, settings.project, opening.run_id, opening.rank)


def _remove_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # another rank's record is there
        pass
