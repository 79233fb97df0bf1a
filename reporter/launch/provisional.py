"""The run of a program that has not opened a Reporter, and may never do so."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from typing import Any

from reporter.errors import RecordDamaged
from reporter.launch.forgetting import Forgetting, pushed_to
from reporter.launch.kept import Left
from reporter.launch.say import tried
from reporter.launch.switchboard import SenderLine
from reporter.record.hold import is_held
from reporter.record.load import load
from reporter.record.paths import RunPaths
from reporter.reporter.opening import Opening
from reporter.reporter.session import Session
from reporter.sender.background import Background
from reporter.settings import Settings

_SAID_WITHIN = 0.1


class NoRun:
    """What stands in for a run where nothing is to be reported."""

    busy = nested = False

    def hand_over(self, _rank: int, _gateway: str | None) -> dict[str, Any] | None:
        return None

    def not_taken(self) -> None:
        pass

    def tend(self, called: Sequence[SenderLine]) -> None:
        pass

    def end(self, told: dict[str, Any]) -> None:
        pass

    def await_end(self, within: float) -> None:
        pass

    def settle(self, _called: Sequence[SenderLine]) -> Left | None:
        return None


class Provisional:
    """Shows the program as running until a Reporter of the same rank takes the run."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._settings, self._opening = settings, Opening(settings)
        try:
            self._opening.brief["argv"] = list(command)
            # A run that is continued has a history, which is not ours to remove.
            self._fresh = not os.path.exists(self._paths().run_json)
            self._session = Session(settings, self._opening)
        except BaseException:
            self._opening.release()  # the program's own Reporter may want that record
            raise
        self._lock = threading.Lock()
        self._group: dict[str, str] = self._opening.brief["run"]["group"]
        self._forgetting = Forgetting(settings, self._group, self._unwanted)
        self._pushed_to = pushed_to(settings)  # where whoever has it now pushes it
        self._called: Sequence[SenderLine] = ()
        self._live = self._to_give = True
        self._handed = self._withdrawn = self._adrift = False
        self._ending: Background | None = None

    @property
    def nested(self) -> bool:
        """Whether the run is that of another `reporter run` above us."""
        return self._opening.taken_over

    @property
    def busy(self) -> bool:
        """Whether its sender is at work, or the gateway is told to forget it."""
        ending = self._ending is not None and self._ending.is_alive()
        return ending or self._at_work or self._forgetting.busy

    @property
    def _at_work(self) -> bool:
        return self._session.status()["sender"] is not None

    def hand_over(self, rank: int, gateway: str | None) -> dict[str, Any] | None:
        """Give the run to a Reporter; None if it is not there to be given.

        Also when we have stepped back: whoever has our rank goes on with what we began.
        """
        with self._lock:
            if rank != self._opening.rank or not self._to_give:
                return None
            if self._live:
                self._session.hand_over()
            self._live = self._to_give = self._withdrawn = False
            self._handed, self._pushed_to = True, gateway
        if gateway == pushed_to(self._settings):
            self._forgetting.stop()
        else:
            self._forgetting.begin()
        told = self._opening.brief["run"]
        place = {"project": self._settings.project, "dir": self._settings.dir}
        return {name: told[name] for name in ("id", "name", "token", "group")} | place

    def not_taken(self) -> None:
        """The Reporter that it was given to did not wait for it: it may go on without us."""
        self._pushed_to, self._adrift = pushed_to(self._settings), True

    def tend(self, called: Sequence[SenderLine]) -> None:
        """Give a dead sender a successor; step back where other ranks are what runs here."""
        self._called = called
        takers = [each for each in called if each.rank == self._opening.rank]
        if self._adrift and takers:
            self._adrift = False
            self._forgetting.begin()
        self._forgetting.tend()
        if not self._live:
            return
        if called and not takers:
            self._step_back()
        else:
            self._session.tend()

    def _step_back(self) -> None:
        with self._lock:
            if self._live:
                self._live, self._withdrawn = False, True
                self._session.hand_over()
                self._forgetting.begin()

    def end(self, told: dict[str, Any]) -> None:
        """End the run, if nobody took it, as its Reporter would, but in a thread."""
        with self._lock:
            ours, self._live, self._to_give = self._live, False, False
        self._forgetting.hurry()
        if not ours:
            return
        ending = Background(lambda: self._end(told), "end")
        try:
            ending.start()
        except RuntimeError:  # the machine lets us have no more threads; the wait is bounded
            self._end(told)
            return
        self._ending = ending
        self.await_end(_SAID_WITHIN)

    def _end(self, told: dict[str, Any]) -> None:
        end = told["state"], told["reason"], told["detail"]
        tried("the run's end is not told", lambda: self._session.end(*end))

    def await_end(self, within: float) -> None:
        """Wait until the end is delivered, for a bounded time."""
        if self._ending is not None:
            self._ending.join(within)

    def settle(self, called: Sequence[SenderLine]) -> Left | None:
        """The record that is still ours at the end; one that was begun for nothing is removed."""
        folder = self._session.status()["record"]
        if not folder:
            return None
        takers = [each.record for each in called if each.rank == self._opening.rank]
        nothing = self._withdrawn or (self._handed and takers)
        if not nothing or folder in takers:
            return Left(str(folder), self._pushed_to, self._at_work)
        if self._fresh and self._token_in(folder) == self._token and not is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
            _remove_empty(os.path.dirname(folder))
        return None

    def _unwanted(self) -> bool:
        """Whether nobody else has our run and rank on this gateway, here or on another machine."""
        ours = pushed_to(self._settings)
        if any(each.group == self._group and each.gateway == ours for each in self._called):
            return False
        folder = self._session.status()["record"]
        return not folder or self._token_in(folder) in (None, self._token)

    @property
    def _token(self) -> str:
        return str(self._opening.brief["run"]["token"])

    def _token_in(self, folder: str) -> str | None:
        """Whose record it is now: with our run id and rank it may be somebody else's."""
        try:
            found = load(folder).identity.get("token")
        except (OSError, RecordDamaged):
            return None
        return None if found is None else str(found)

    def _paths(self) -> RunPaths:
        settings, opening = self._settings, self._opening
        return RunPaths(settings.dir, settings.project, opening.run_id, opening.rank)


def _remove_empty(folder: str) -> None:
    try:
        os.rmdir(folder)
    except OSError:  # another rank's record is there
        pass
