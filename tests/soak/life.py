"""One training process of the soak, from its start to its end: planned, killed or left alone."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.soak.children.ledger import SAID, Ledger
from tests.waiting import POLL_S

CHILDREN = Path(__file__).parent / "children"
ROOT = Path(__file__).parents[2]
MARK = "SOAK_LIFE"  # in the environment of all its processes: its folder, which no other has
WAYS = SAID[1:]
LONGEST_TO_LEAVE_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What a training process does, and when it is killed, if it is."""

    seconds: float  # of training, before it leaves by itself
    way: str = "returned"
    moment: str = ""  # early, training or leaving: when it is killed
    after: float = 0.0  # so many seconds after its start, or after it began to leave
    burst: int = 20
    pause: float = 0.1
    floods: bool = False
    shows: bool = True


def planned(length: float, longest: float, dice: random.Random) -> Plan:
    """A life of about so many seconds; most are killed, at any moment from start to leaving."""
    seconds = min(dice.uniform(0.5, 2 * length), longest)
    kind = dice.choices(("early", "training", "leaving", ""), (15, 55, 15, 15))[0]
    after = {
        "early": dice.uniform(0, 0.5),
        "training": dice.uniform(0.3, seconds),
        "leaving": dice.choice((0.0, dice.uniform(0, 0.05), dice.uniform(0, 1))),
    }
    fast = dice.random() < 0.1
    return Plan(
        seconds=seconds if kind else seconds / 2,
        way=dice.choice(WAYS),
        moment=kind,
        after=after.get(kind, 0.0),
        burst=500 if fast else 20,
        pause=0.01 if fast else 0.1,
        floods=dice.random() < 0.1,
        shows=dice.random() < 0.3,
    )


class Life:
    """The process, and what is known of how it fared."""

    def __init__(
        self, number: int, folder: Path, plan: Plan, environment: Mapping[str, str]
    ) -> None:
        self.number, self.folder, self.plan = number, folder, plan
        self.project = f"life-{number}"
        self.killed = self.hung = False
        self.sender_killed = False
        self.lost_both = False  # its sender was killed as well, and nobody could succeed it
        self.befallen: list[str] = []  # what was done to it and its senders, and when
        self.code: int | None = None
        self.began = self.ended = 0.0
        (folder / "tmp").mkdir(parents=True)
        self.ledger = Ledger.create(folder / "ledger")
        self._environment = {
            **os.environ,
            **environment,
            MARK: str(folder),
            "REPORTER_PROJECT": self.project,
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, script: str = "trainer.py", *arguments: str) -> None:
        """Start it; what it writes is in files."""
        told = arguments or (json.dumps({"seed": self.number, **vars(self.plan)}),)
        command = [sys.executable, str(CHILDREN / script), str(self.folder / "ledger"), *told]
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip
        self.began = time.monotonic()
        self._death = os.pidfd_open(self.process.pid)

    def live(self) -> None:
        """Until it is killed as planned, or has ended by itself."""
        moment, after = self.plan.moment, self.plan.after
        if moment == "leaving":
            longest = self.plan.seconds + LONGEST_TO_LEAVE_S
            while not (self.ledger.said or self._ended_within(POLL_S / 10)) and longest > 0:
                longest -= POLL_S / 10
        if moment and not self._ended_within(after):
            self.kill()
        elif not self._ended_within(self.plan.seconds + LONGEST_TO_LEAVE_S):
            self.hung = True
            self.note("hung, and so killed")
            self.process.kill()
        self.end()

    def kill(self) -> None:
        self.killed = True
        self.lost_both |= self.sender_killed
        self.note("killed")
        self.process.kill()

    def note(self, what: str) -> None:
        """This befalls it now."""
        self.befallen.append(f"{what} at {time.monotonic() - self.began:.2f} s")

    def note_killed_sender(self, pid: int) -> None:
        """Its sender was killed. While it trains, another one takes over, when it ends at last."""
        self.note(f"sender {pid} killed")
        self.sender_killed = True
        self.lost_both |= self.killed or self.over or bool(self.ledger.said)

    def end(self) -> None:
        """Reap it."""
        self.code = self.process.wait()
        self.ended = time.monotonic()
        self.killed = self.code == -signal.SIGKILL  # else it was faster
        os.close(self._death)

    @property
    def over(self) -> bool:
        return self.code is not None

    def _ended_within(self, seconds: float) -> bool:
        return bool(select.select([self._death], [], [], max(0.0, seconds))[0])
