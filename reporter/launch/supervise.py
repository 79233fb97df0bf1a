"""Runs a program as a run, from its start to its end: what `reporter run` does."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from reporter.launch.console import Console, NoConsole
from reporter.launch.kept import settle
from reporter.launch.memory_kills import MemoryKills
from reporter.launch.preemption import Preemption
from reporter.launch.program import Program, hold_signals, lives, send
from reporter.launch.provisional import NoRun, Provisional
from reporter.launch.switchboard import SenderLine, Switchboard
from reporter.launch.verdict import STOPS, Ending
from reporter.run.wrapper import VARIABLE
from reporter.settings import Settings

TURN = 0.05
_LINGER = 12.0  # beyond the exit timeout: what a sender may take, and a little more
_SENDER_STARTS_WITHIN = 3.0
_ORPHANS_MAY_TAKE = 5.0  # between SIGTERM and SIGKILL
_STOP_MEANT_S = 60.0  # an end later than this after it was another matter, as for a sender
_NOT_FOUND, _NOT_RUNNABLE = 127, 126
_FIRST = 1

T = TypeVar("T")


class Supervisor:
    """One program and the run, or runs, that it is. Our own troubles never end it."""

    def __init__(
        self, settings: Settings, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        # What whoever started us ignores, the program ignores as well (nohup).
        self._stops = [each for each in STOPS if signal.getsignal(each) is not signal.SIG_IGN]
        hold_signals()
        self._settings, self._command = settings, command
        self._provisional: NoRun | Provisional = NoRun()
        if settings.mode != "disabled":
            made = _tried("the run is not shown", lambda: Provisional(settings, command))
            self._provisional = made or NoRun()
        self._switchboard = _tried(
            "Reporters in it are runs of their own",
            lambda: Switchboard(self._provisional.hand_over),
        )
        way = self._switchboard.way if self._switchboard else ""
        self._environment = {**environment, VARIABLE: way}
        self._console = _tried("its console is not kept", Console) or NoConsole()
        self._preemption = Preemption(environment)
        self._asked: tuple[float, signal.Signals] | None = None
        self._over = self._impatient = False

    def run(self) -> int:
        """Run it to its end. Returns the exit code to pass on."""
        try:
            program = Program(self._command, self._environment, self._console.descriptors)
        except OSError as error:
            return self._not_started(error)
        kills = MemoryKills(program.pid)
        while program.status is None:
            self._turn(program)
            kills.look()
        ending = Ending(program.status, kills.happened(), self._meant(), self._preemption.said())
        self._conclude(program, ending)
        return ending.exit_code

    def _not_started(self, error: OSError) -> int:
        missing = isinstance(error, FileNotFoundError)
        code = _NOT_FOUND if missing else _NOT_RUNNABLE
        name, why = self._command[0], "there is no such program" if missing else error.strerror
        sys.stderr.write(f"reporter run: {name}: {why}\n")
        self._provisional.end(Ending(code << 8).told())
        return code

    def _turn(self, program: Program) -> None:
        number = program.next_signal(TURN)
        if number in self._stops:
            self._impatient = self._over and number == signal.SIGINT
            self._asked = self._asked or (time.monotonic(), signal.Signals(number))
            self._preemption.ask()
        self._console.tend()
        self._tell_senders(program, None)
        if not self._over:
            self._provisional.tend(self._called)

    def _meant(self) -> signal.Signals | None:
        """What told the program to stop, if that may be why it ended."""
        if self._asked is None or time.monotonic() - self._asked[0] > _STOP_MEANT_S:
            return None
        return self._asked[1]

    @property
    def _called(self) -> list[SenderLine]:
        return list(self._switchboard.called) if self._switchboard else []

    @property
    def _senders(self) -> list[SenderLine]:
        return self._switchboard.senders() if self._switchboard else []

    def _tell_senders(self, program: Program, ending: Ending | None) -> None:
        """Each sender learns how its own trainer ended, as far as we are its parent.

        If another process below was, the program's own failure is the next best guess.
        """
        for sender in self._senders:
            if lives(sender.trainer):
                program.forget(sender.trainer)
                continue
            status = program.status_of(sender.trainer)
            if sender.told:
                continue
            if sender.trainer != program.pid and status is not None:
                sender.tell(Ending(status, asked=self._meant()).told())
            elif ending is not None and sender.trainer == program.pid:
                sender.tell(ending.told())
            elif ending is not None and ending.exit_code:
                sender.tell({**ending.told(), "guess": True})

    def _conclude(self, program: Program, ending: Ending) -> None:
        """Let every sender deliver, for a bounded time; then see to their records."""
        self._over = True
        self._tell_senders(program, ending)
        self._provisional.end(ending.told())
        began = time.monotonic()
        orphans_until = began + _ORPHANS_MAY_TAKE
        until = began + self._settings.exit_timeout + _LINGER
        self._end_orphans(signal.SIGTERM)
        while not self._impatient and time.monotonic() < until and self._busy(began):
            self._turn(program)
            self._tell_senders(program, ending)
            if time.monotonic() > orphans_until:
                self._end_orphans(signal.SIGKILL)
        console, called = self._console.close(), self._called
        own = self._provisional.settle(called)
        records = [each for each in (*_records_of(called), own) if each]
        settle(self._settings, list(dict.fromkeys(records)), ending.told(), console)

    def _busy(self, began: float) -> bool:
        """Whether a sender may still be at work for a process that has ended."""
        awaited = self._switchboard is not None and self._switchboard.awaited()
        if awaited and time.monotonic() - began < _SENDER_STARTS_WITHIN:
            return True
        trainers = [sender.trainer for sender in self._senders]
        if os.getpid() != _FIRST:  # what still trains is none of ours, unless we take it with us
            trainers = [trainer for trainer in trainers if not lives(trainer)]
        return bool(trainers) or self._provisional.delivers

    def _end_orphans(self, number: signal.Signals) -> None:
        """As PID 1 we take every process with us: those that report should say so first."""
        if os.getpid() != _FIRST:
            return
        for sender in self._senders:
            if sender.user == os.getuid():  # another user could name any process
                send(sender.trainer, number)


def _records_of(called: Sequence[SenderLine]) -> list[str | None]:
    """Of our own user: what another one names may be a link to anywhere."""
    ours = [sender for sender in called if sender.user == os.getuid()]
    return [sender.record for sender in sorted(ours, key=lambda each: each.rank)]


def _tried(without: str, make: Callable[[], T]) -> T | None:
    """What `make` makes; where that cannot be, one line says what there is to be missed."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - the program has to run, whatever we lack
        sys.stderr.write(f"reporter run: {without}: {type(error).__name__}: {error}\n")
        return None
