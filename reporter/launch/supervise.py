"""Runs a program as a run, from its start to its end: what `reporter run` does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from reporter.launch.console import Console, NoConsole
from reporter.launch.kept import Left, Settling
from reporter.launch.memory_kills import MemoryKills
from reporter.launch.preemption import Preemption
from reporter.launch.program import Program, hold_signals, lives, send
from reporter.launch.provisional import NoRun, Provisional
from reporter.launch.say import say, speak_for_reporters, tried
from reporter.launch.stops import Stops
from reporter.launch.switchboard import SenderLine, Switchboard
from reporter.launch.verdict import STOPS, Ending
from reporter.reporter.notices import SAID_ABOVE, mention_no_gateway
from reporter.run.wrapper import VARIABLE
from reporter.settings import Settings

_TURN, _IDLE_TURN = 0.05, 0.25  # signals are heard at once
# Beyond the exit timeout, from the program's end on: what a sender may take and a little more,
# and all that we do.
_SENDERS_MAY_TAKE, _ALL_MAY_TAKE = 12.0, 20.0
_SENDER_STARTS_WITHIN = 3.0
_ORPHANS_MAY_TAKE = 10.0  # between SIGTERM and SIGKILL
_CONSOLE_MAY_TAKE = 10.0
_IN_A_HURRY = 1.0  # for each thing that is left, once a person does not want to wait
_NOT_FOUND, _NOT_RUNNABLE = 127, 126
_FIRST = 1
_BLIND, _UNTOLD = "kills for memory are not seen", "senders are not told of ends"


class Supervisor:
    """One program and the run, or runs, that it is. Our own troubles never end it."""

    def __init__(
        self, settings: Settings, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        # What whoever started us ignores, the program ignores as well (nohup).
        self._heeded = [each for each in STOPS if signal.getsignal(each) is not signal.SIG_IGN]
        hold_signals()
        speak_for_reporters()
        self._settings, self._command = settings, command
        self._provisional: NoRun | Provisional = NoRun()
        if settings.mode != "disabled":
            made = tried("the run is not shown", lambda: Provisional(settings, command))
            self._provisional = made or NoRun()
        self._switchboard = tried(
            "Reporters in it are runs of their own",
            lambda: Switchboard(self._provisional.hand_over, self._provisional.not_taken),
        )
        way = self._switchboard.way if self._switchboard else ""
        said = {VARIABLE: way, SAID_ABOVE: mention_no_gateway(settings)}
        self._environment = {**environment, **said}
        self._console: Console | NoConsole = NoConsole()
        if not self._provisional.nested:  # else it is kept above us, with the same run
            self._console = tried("its console is not kept", Console) or self._console
        self._preemption, self._stops = Preemption(environment), Stops()
        self._over = self._impatient = False
        self._ended_orphans: signal.Signals | None = None  # with which of our own signals

    def run(self) -> int:
        """Run it to its end. Returns the exit code to pass on."""
        try:
            program = Program(self._command, self._environment, self._console.descriptors)
        except OSError as error:
            return self._not_started(error)
        kills = tried(_BLIND, lambda: MemoryKills(program.pid))
        while program.status is None:
            self._turn(program, _IDLE_TURN)
            if kills is not None:
                tried(_BLIND, kills.look)
        ended_at = time.monotonic()
        killed = kills is not None and tried(_BLIND, kills.happened) is True
        preempted = self._preemption.said()
        ending = Ending(program.status, killed, self._stops.meant(), preempted)
        tried("what it left is not seen to", lambda: self._conclude(program, ending, ended_at))
        return ending.exit_code

    def _not_started(self, error: OSError) -> int:
        missing = isinstance(error, FileNotFoundError)
        code = _NOT_FOUND if missing else _NOT_RUNNABLE
        name, why = self._command[0], "there is no such program" if missing else error.strerror
        say(f"{name}: {why}")
        tried("the run's end is not told", lambda: self._provisional.end(Ending(code << 8).told()))
        self._provisional.await_end(self._settings.exit_timeout)
        return code

    def _turn(self, program: Program, within: float = _TURN) -> None:
        number = program.next_signal(within)
        if number in self._heeded:
            self._impatient = self._impatient or (self._over and number == signal.SIGINT)
            self._stops.note(signal.Signals(number))
            self._preemption.ask()
        if not self._over:
            tried("its console may not be shown", self._console.tend)
            tried(_UNTOLD, lambda: self._tell_senders(program, None))
        tried("the run may not be shown", lambda: self._provisional.tend(self._called))

    @property
    def _called(self) -> list[SenderLine]:
        return list(self._switchboard.called) if self._switchboard else []

    @property
    def _senders(self) -> list[SenderLine]:
        return self._switchboard.senders() if self._switchboard else []

    def _tell_senders(self, program: Program, ending: Ending | None) -> None:
        """Each sender learns how its own trainer ended, as far as we are its parent.

        If another process below was, the program's own death is the next best guess; an exit
        code of its own says nothing of another process.
        """
        guess = ending is not None and ending.exit_code and ending.told()
        for sender in self._senders:
            if lives(sender.trainer):
                program.forget(sender.trainer)
                continue
            status = program.status_of(sender.trainer)
            if sender.told:
                continue
            if sender.trainer != program.pid and status is not None:
                asked = self._stops.meant() or self._ended_orphans
                sender.tell(Ending(status, asked=asked).told())
            elif ending is not None and sender.trainer == program.pid:
                sender.tell(ending.told())
            elif guess and guess["reason"] != "exit_code":
                sender.tell({**guess, "guess": True})

    def _conclude(self, program: Program, ending: Ending, ended_at: float) -> None:
        """Let every sender deliver, for a bounded time; then see to their records."""
        told, until = ending.told(), ended_at + self._settings.exit_timeout
        tried("the run may not be shown", lambda: self._provisional.tend(self._called))
        self._over = True
        tried(_UNTOLD, lambda: self._tell_senders(program, ending))
        tried("the run's end is not told", lambda: self._provisional.end(told))
        self._await_senders(program, ending, until + _SENDERS_MAY_TAKE)
        console = tried("its console is not kept", lambda: self._last_words(program)) or b""
        settling = Settling(self._settings, self._left, told, console)
        self._pass_time(program, lambda: settling.busy, until + _ALL_MAY_TAKE)
        for problem in settling.problems:
            say(problem)

    def _last_words(self, program: Program) -> bytes:
        """Let what the program printed reach its readers. Returns the end of it."""
        self._console.finish()
        self._pass_time(program, lambda: self._console.busy, time.monotonic() + _CONSOLE_MAY_TAKE)
        return self._console.close()

    def _pass_time(self, program: Program, busy: Callable[[], bool], until: float) -> None:
        """Signals are heeded meanwhile; a person who does not want to wait has to for a second."""
        least = time.monotonic() + _IN_A_HURRY
        while busy() and time.monotonic() < (least if self._impatient else max(least, until)):
            self._turn(program)

    def _await_senders(self, program: Program, ending: Ending, until: float) -> None:
        began = time.monotonic()
        orphans_until = began + _ORPHANS_MAY_TAKE
        self._end_orphans(signal.SIGTERM)
        while True:
            tried(_UNTOLD, lambda: self._tell_senders(program, ending))
            if self._impatient or time.monotonic() > until or not self._busy(began):
                return
            self._turn(program)
            tried("its console may not be shown", self._console.tend)
            if time.monotonic() > orphans_until:
                self._end_orphans(signal.SIGKILL)

    def _busy(self, began: float) -> bool:
        """Whether a sender may still be at work for a process that has ended."""
        awaited = self._switchboard is not None and self._switchboard.awaited()
        if awaited and time.monotonic() - began < _SENDER_STARTS_WITHIN:
            return True
        trainers = [sender.trainer for sender in self._senders]
        if os.getpid() != _FIRST:  # what still trains is none of ours, unless we take it with us
            trainers = [trainer for trainer in trainers if not lives(trainer)]
        return bool(trainers) or self._provisional.busy

    def _end_orphans(self, number: signal.Signals) -> None:
        """As PID 1 we take every process with us: those that report should say so first."""
        if os.getpid() != _FIRST:
            return
        for sender in self._senders:
            if sender.user == os.getuid():  # another user could name any process
                self._ended_orphans = signal.SIGTERM
                send(sender.trainer, number)

    def _left(self) -> list[Left]:
        """The records of all runs there were, those of the lowest rank first.

        Of our own user: what another one names may be a link to anywhere.
        """
        called, own = self._called, os.getuid()
        at_work = {each.record for each in self._senders}
        ours = sorted((each for each in called if each.user == own), key=lambda each: each.rank)
        left = {
            each.record: Left(each.record, each.gateway, each.record in at_work)
            for each in ours
            if each.record
        }
        shown = tried("the run may be without its end", lambda: self._provisional.settle(called))
        if shown is not None:
            left.setdefault(shown.folder, shown)
        return list(left.values())
