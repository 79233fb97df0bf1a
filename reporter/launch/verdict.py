"""What the way in which a program ended says about its run."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from reporter.names import State

_SHELLS_BASE = 128  # a shell's exit code for a program that a signal ended is this and the signal
STOPS = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupt", signal.SIGHUP: "terminated"}
_CRASHES = {
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, and what was known around it."""

    status: int  # as the kernel gives it to the parent
    memory_kill: bool = False  # the kernel killed for memory in its cgroup
    asked: signal.Signals | None = None  # what told us, and so the program, to stop
    preempted: str = ""  # who says that the machine was wanted for something else

    @property
    def exit_code(self) -> int:
        """What a shell would show."""
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else _SHELLS_BASE - code

    @property
    def by_signal(self) -> signal.Signals | None:
        """The signal that ended it, be it through a shell that passed it on."""
        code = os.waitstatus_to_exitcode(self.status)
        number = -code if code < 0 else code - _SHELLS_BASE
        try:
            return signal.Signals(number) if number > 0 else None
        except ValueError:
            return None

    def told(self) -> dict[str, Any]:
        """The end of the run, as a sender takes it."""
        state, reason, detail = self._end()
        return {"state": int(state), "reason": reason, "detail": detail}

    def _end(self) -> tuple[State, str, str]:
        if self.exit_code == 0:
            return State.SUCCEEDED, "returned", ""
        if self.memory_kill and self.by_signal is signal.SIGKILL:
            return State.FAILED, "oom", "SIGKILL"
        if self.asked in STOPS and self.by_signal not in _CRASHES:
            return State.CANCELLED, *self._stopped(self.asked)
        if self.by_signal is signal.SIGINT:  # Ctrl-C, be it through a shell below
            return State.CANCELLED, "interrupt", "SIGINT"
        if os.WIFSIGNALED(self.status) and self.by_signal is not None:
            return State.FAILED, "signal", self.by_signal.name
        more = "; a process was killed for memory" if self.memory_kill else ""
        return State.FAILED, "exit_code", f"{self.exit_code}{more}"

    def _stopped(self, asked: signal.Signals) -> tuple[str, str]:
        if self.preempted:
            return "preempted", self.preempted
        how = self.by_signal.name if self.by_signal else f"exit code {self.exit_code}"
        return STOPS[asked], asked.name if how == asked.name else f"{asked.name}, then {how}"
