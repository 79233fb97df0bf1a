"""A training process of the model: told what to do, never waited for longer than it may take."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.runs import child

PATIENCE_S = 10.0  # far above what a call may take, far below for ever


class Trainee:
    """One training process; what it wrote on its streams is in files."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._errors = folder / f"stderr-{time.monotonic_ns()}"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                child("modelled.py"),
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._unread = b""
        self.run, self.sender = self._answer(PATIENCE_S)
        self.over = False

    def __call__(self, call: str, *arguments: Any, patience: float = PATIENCE_S) -> Any:
        """Make one call on its Reporter; what it returned."""
        self._tell(call, *arguments)
        return self._answer(patience)

    def leave(self, way: str) -> None:
        """Begin to leave the scope in this way."""
        self._tell("leave", way)

    def wait(self, patience: float) -> None:
        """Until it has ended; fails where that takes longer."""
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            pytest.fail(f"leaving took more than {patience:g} s")
        self.close()

    def kill(self, number: int = 9) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        self.close()

    def close(self) -> None:
        """Surely gone, and its pipes too."""
        self.over = True
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:  # it ended with a line unread
                pass

    @property
    def said(self) -> str:
        """What it wrote on its standard error."""
        return self._errors.read_text(encoding="utf-8")

    def _tell(self, *told: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.flush()

    def _answer(self, patience: float) -> Any:
        assert self.process.stdout is not None
        until = time.monotonic() + patience
        while b"\n" not in self._unread:
            left = until - time.monotonic()
            if left < 0 or not select.select([self.process.stdout], [], [], left)[0]:
                pytest.fail(f"a call of the training process took more than {patience:g} s")
            read = os.read(self.process.stdout.fileno(), 1 << 16)
            if not read:
                pytest.fail(f"the training process ended:\n{self.said}")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)
