"""A process that stands for training: it executes what it is told, and answers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from reporter.sender.machine.process import TrainingProcesses
from reporter.sender.machine.reading import Reading

_PROGRAM = """
import json, os, signal, subprocess, sys
for line in sys.stdin:
    exec(json.loads(line), globals())
    print(json.dumps(globals().pop("answer", None)), flush=True)
"""


class Subject:
    """Its children have their standard input from a pipe of their own, and end with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self("pass")  # from here on it is idle, and no longer about to start

    @property
    def pid(self) -> int:
        return self._process.pid

    def __call__(self, code: str) -> Any:
        """What the code leaves as `answer`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def starts(self, code: str) -> int:
        """The number of a child of it that has executed this code, and waits then."""
        code += "\nimport sys; print(flush=True); sys.stdin.read()"
        return int(
            self(
                f"child = subprocess.Popen([sys.executable, '-c', {code!r}],"
                " stdin=subprocess.PIPE, stdout=subprocess.PIPE);"
                " child.stdout.readline(); answer = child.pid"
            )
        )

    def end(self) -> None:
        """It and its children are gone."""
        self._process.kill()
        self._process.communicate()


class Ticking:
    """A clock that a test moves: each look at it is a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def value(reading: Reading, family: str) -> float | None:
    """Of a family of one sample without labels; None where it is absent."""
    found = dict(reading).get(family)
    if found is None:
        return None
    ((labels, number),) = found
    assert labels == {}
    return number


def used(processes: TrainingProcesses, what: str) -> float:
    """One value of what the processes use."""
    found = value(processes.read(), f"reporter_process_{what}")
    assert found is not None
    return found
