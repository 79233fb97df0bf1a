"""Runs probes, each in a fresh process with a time limit; what they told by then stays told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

import processes

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 60.0
Told = dict[str, Any]


@dataclass
class Running:
    """A probe at work, in a folder of its own; what it prints is in files beside that."""

    process: subprocess.Popen[bytes]
    folder: str
    limit: float

    def result(self) -> Told:
        """What it told; `late` or `failed` where it did not get to its end."""
        ending: Told = {}
        try:
            if self.process.wait(self.limit):
                ending["failed"] = (self._printed("err").splitlines() or ["no word"])[-1]
        except subprocess.TimeoutExpired:
            ending["late"] = self.limit
            processes.kill([*processes.descendants(self.process.pid), self.process.pid])
            self.process.wait()
        processes.kill_group(self.process.pid)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return self.so_far() | ending

    def so_far(self) -> Told:
        found: Told = {}
        for line in self._printed("out").splitlines():
            found |= _object(line)
        return found

    def go(self) -> None:
        """Let one that said that it is ready begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _printed(self, to: str) -> str:
        with open(f"{self.folder}.{to}", encoding="utf-8", errors="replace") as file:
            return file.read()


class Probes:
    """Probes without settings, homes or proxies of whoever runs this."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        kept = {k: v for k, v in os.environ.items() if not _is_set_by_a_user(k)}
        home = os.path.join(folder, "home")
        os.makedirs(home)
        homes = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "TMPDIR"), home)
        self._environment = {**kept, **homes, "PYTHONPATH": HERE}

    def run(self, name: str, limit: float = LIMIT_S, **asked: Any) -> Told:
        """What the probe told; its folder is gone."""
        running = self.start(name, limit, **asked)
        try:
            return running.result()
        finally:
            running.discard()

    def start(self, name: str, limit: float = LIMIT_S, **asked: Any) -> Running:
        folder = tempfile.mkdtemp(dir=self._folder)
        return Running(self._started(name, folder, asked), folder, limit)

    def arrived(self, subject: str, folder: str) -> int | None:
        """How many reports a subject left in the folder of a probe that has ended."""
        process = self._started("arrived", folder, {"subject": subject})
        return Running(process, folder, LIMIT_S).result().get("arrived")

    def _started(self, name: str, folder: str, asked: Told) -> subprocess.Popen[bytes]:
        program = os.path.join(HERE, "probes", f"{name}.py")
        with open(f"{folder}.out", "wb") as out, open(f"{folder}.err", "wb") as err:
            return subprocess.Popen(
                [sys.executable, "-P", program, json.dumps(asked)],
                env=self._environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )


def _is_set_by_a_user(name: str) -> bool:
    ours = name.upper().startswith(("REPORTER", "WANDB", "MLFLOW", "OTEL", "PROMETHEUS"))
    return ours or name.lower().endswith("_proxy") or name == "podUUID"


def _object(line: str) -> Told:
    """What a line tells; a peer's own chatter tells nothing."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
