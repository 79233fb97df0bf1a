"""Runs a program as a run, from its start to its end: what `reporter run` does."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from reporter.launch.console import Console
from reporter.launch.kept import keep
from reporter.launch.memory_kills import MemoryKills
from reporter.launch.preemption import Preemption
from reporter.launch.program import Program, hold_signals
from reporter.launch.provisional import NoRun, Provisional
from reporter.launch.switchboard import Switchboard
from reporter.launch.verdict import Ending
from reporter.run.wrapper import VARIABLE
from reporter.settings import Settings

TURN = 0.05
_LINGER = 12.0  # beyond the exit timeout: what a sender may take, and a little more
_SENDER_STARTS_WITHIN = 3.0
_ORPHANS_MAY_TAKE = 5.0  # between SIGTERM and SIGKILL
_NOT_FOUND, _NOT_RUNNABLE = 127, 126
_FIRST = 1
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """One program and the run, or runs, that it is."""

    def __init__(
        self, settings: Settings, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        hold_signals()
        self._settings, self._command = settings, command
        silent = settings.mode == "disabled"
        self._provisional = NoRun() if silent else Provisional(settings, command)
        self._switchboard = Switchboard(self._provisional.hand_over)
        self._environment = {**environment, VARIABLE: self._switchboard.way}
        self._console = Console()
        self._preemption = Preemption(environment)
        self._asked: signal.Signals | None = None
        self._impatient = False

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
        ending = Ending(program.status, kills.happened(), self._asked, self._preemption.said())
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
        if number in _STOPS:
            self._impatient = self._impatient or (
                self._asked is not None and number == signal.SIGINT
            )
            self._asked = self._asked or number
            self._preemption.ask()
        self._console.tend()
        self._tell_senders(program, None)

    def _tell_senders(self, program: Program, ending: Ending | None) -> None:
        """Each sender learns how its own trainer ended, as far as we are its parent.

        If another process below was, the program's own failure is the next best word.
        """
        for sender in self._switchboard.senders():
            status = program.status_of(sender.trainer)
            if sender.told or _lives(sender.trainer):
                continue
            if sender.trainer != program.pid and status is not None:
                sender.tell(Ending(status, asked=self._asked).told())
            elif ending is not None and (sender.trainer == program.pid or ending.exit_code):
                sender.tell(ending.told())

    def _conclude(self, program: Program, ending: Ending) -> None:
        """Let every sender deliver, for a bounded time; then keep the console."""
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
        console = self._console.close()
        records = self._provisional.records(self._switchboard.records)
        if records:
            keep(console, min(records)[1])

    def _busy(self, began: float) -> bool:
        """Whether a sender may still be at work for a process that has ended."""
        if self._switchboard.awaited() and time.monotonic() - began < _SENDER_STARTS_WITHIN:
            return True
        trainers = [sender.trainer for sender in self._switchboard.senders()]
        if os.getpid() != _FIRST:  # what still trains is none of ours, unless we take it with us
            trainers = [trainer for trainer in trainers if not _lives(trainer)]
        return bool(trainers) or self._provisional.delivers

    def _end_orphans(self, number: signal.Signals) -> None:
        """As PID 1 we take every process with us: those that report should say so first."""
        if os.getpid() != _FIRST:
            return
        for sender in self._switchboard.senders():
            if _lives(sender.trainer):
                os.kill(sender.trainer, number)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
