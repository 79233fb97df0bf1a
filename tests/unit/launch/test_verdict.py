"""What the way in which a program ended says about its run."""

from __future__ import annotations

import signal

import pytest

from reporter.launch.verdict import Ending
from reporter.names import END_REASONS, State

TERM, INT, HUP, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL
FAILED, CANCELLED, SUCCEEDED = State.FAILED, State.CANCELLED, State.SUCCEEDED


def _code(number: int) -> int:
    return number << 8


@pytest.mark.parametrize(
    ("ending", "state", "reason", "detail"),
    [
        (Ending(_code(0)), SUCCEEDED, "returned", ""),
        (Ending(_code(2)), FAILED, "exit_code", "2"),
        (Ending(_code(200)), FAILED, "exit_code", "200"),
        (Ending(KILL), FAILED, "signal", "SIGKILL"),
        (Ending(signal.SIGSEGV | 0x80), FAILED, "signal", "SIGSEGV"),
        (Ending(signal.SIGRTMIN + 1), FAILED, "exit_code", "163"),
        (Ending(INT), CANCELLED, "interrupt", "SIGINT"),
        (Ending(_code(130)), CANCELLED, "interrupt", "SIGINT"),
        (Ending(KILL, memory_kill=True), FAILED, "oom", "SIGKILL"),
        (Ending(_code(137), memory_kill=True), FAILED, "oom", "SIGKILL"),
        (Ending(KILL, memory_kill=True, asked=TERM), FAILED, "oom", "SIGKILL"),
        (
            Ending(_code(1), memory_kill=True),
            FAILED,
            "exit_code",
            "1; a process was killed for memory",
        ),
        (Ending(_code(0), memory_kill=True), SUCCEEDED, "returned", ""),
        (Ending(TERM, asked=TERM), CANCELLED, "terminated", "SIGTERM"),
        (Ending(KILL, asked=TERM), CANCELLED, "terminated", "SIGTERM, then SIGKILL"),
        (Ending(_code(1), asked=HUP), CANCELLED, "terminated", "SIGHUP, then exit code 1"),
        (Ending(_code(143), asked=TERM), CANCELLED, "terminated", "SIGTERM"),
        (Ending(INT, asked=INT), CANCELLED, "interrupt", "SIGINT"),
        (Ending(_code(0), asked=TERM), SUCCEEDED, "returned", ""),
        (Ending(TERM, asked=TERM, preempted="Slurm"), CANCELLED, "preempted", "Slurm"),
        (Ending(_code(1), preempted="Slurm"), FAILED, "exit_code", "1"),
    ],
)
def test_an_ending_is_a_state_a_reason_and_a_detail(
    ending: Ending, state: State, reason: str, detail: str
) -> None:
    """Each of them is in the contract."""
    assert ending.told() == {"state": int(state), "reason": reason, "detail": detail}
    assert reason in END_REASONS


@pytest.mark.parametrize(
    ("status", "code"), [(_code(0), 0), (_code(7), 7), (KILL, 137), (TERM, 143), (INT, 130)]
)
def test_the_exit_code_is_a_shells(status: int, code: int) -> None:
    """128 and the number where a signal ended it."""
    assert Ending(status).exit_code == code
