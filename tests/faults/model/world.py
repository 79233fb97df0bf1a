"""What surrounds a run of the model: a disk, a clock, a gateway, and every process of it."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from contextlib import ExitStack
from pathlib import Path

import pytest

from reporter.record.load import RunRecord, find_records, load
from reporter.sender.deliver import Deliverer, Handled
from reporter.settings import resolve
from tests.faults.model.library import CLOCK
from tests.faults.model.trainee import Trainee
from tests.front import Front, Push, Pushed
from tests.machine import may_mount, tiny_disk
from tests.processes import command_of, environment_of, gone, numbers, status_of
from tests.runs import Group
from tests.services.programs import Pushgateway, fetch
from tests.waiting import wait_for

EXIT_TIMEOUT, LINGER = 2, 10
SLACK = 5  # for a machine with other work
DISK_SIZE = "16m"
ROOM_KEPT = 12 << 10  # on a nearly full disk


class World:
    """One example's own; `close` leaves nothing of it."""

    def __init__(self, folder: Path, gateway: Pushgateway, settings: dict[str, str]) -> None:
        self.gateway = gateway
        self.pushes: list[Push] = []
        self.trainee: Trainee | None = None
        self.stopped = False  # the sender, by us
        self.disk_is_small = may_mount()
        self._folder, self._settings = folder, settings
        self._mark = f"MODEL_WORLD={uuid.uuid4().hex}"
        self._stack = ExitStack()
        folder.mkdir()
        for name in ("home", "state", "tmp"):
            (folder / name).mkdir()
        self._disk, self._clock = folder / "disk", folder / "clock"
        self.set_clock(0)
        if self.disk_is_small:
            self._stack.enter_context(tiny_disk(self._disk, DISK_SIZE))
        self.front = self._stack.enter_context(Front(gateway.url, self.pushes.append))

    def start(self, run: str = "") -> Trainee:
        """A training process, of a new run or of one that goes on."""
        environment = self._environment() | ({"REPORTER_RUN": run} if run else {})
        self.trainee = Trainee(self._folder / "home", environment)
        self.stopped = False
        wait_for(self.senders, what="the sender to be a process of its own")
        return self.trainee

    def senders(self) -> list[int]:
        """Its live senders."""
        return [pid for pid in self.processes() if b"sender/entry.py" in command_of(pid)]

    def signal_senders(self, number: int) -> None:
        """To every sender that there is: more than one only while one succeeds another."""
        pids = self.senders()
        for pid in pids:
            _signal(pid, number)
        if number == signal.SIGKILL:
            wait_for(lambda: all(map(gone, pids)), what="the killed senders to be gone")
        if number != signal.SIGTERM:
            self.stopped = number == signal.SIGSTOP

    def senders_listen(self) -> bool:
        """Whether a SIGTERM reaches them; before their first line of Python it ends them."""
        bit = 1 << signal.SIGTERM - 1
        return all(
            _mask(pid, "SigBlk") & bit or _mask(pid, "SigCgt") & bit for pid in self.senders()
        )

    def restart_gateway(self) -> None:
        """It forgets everything."""
        mode, self.front.mode = self.front.mode, "down"
        self.gateway.stop()
        self.gateway.start()
        self.front.mode = mode

    def fill_disk(self, room: int) -> None:
        """Leave so much room on the disk."""
        with (self._disk / "filler").open("wb") as filler:
            wait_for(lambda: self._filled(filler.fileno(), room), what="the disk to be full")

    def _filled(self, filler: int, room: int) -> bool:
        facts = os.statvfs(self._disk)
        size = facts.f_bavail * facts.f_frsize - room
        try:
            os.posix_fallocate(filler, 0, max(size, 1))
        except OSError:  # the sender has taken some of it meanwhile, or all
            return size <= 0
        return True

    def empty_disk(self) -> None:
        self._remount("rw")
        (self._disk / "filler").unlink(missing_ok=True)

    def lock_disk(self) -> bool:
        """Read-only, where no file on it is open for writing; whether it is."""
        return self._remount("ro")

    def _remount(self, how: str) -> bool:
        command = ["mount", "-o", f"remount,{how}", str(self._disk)]
        return not subprocess.run(command, capture_output=True, check=False).returncode

    def set_clock(self, offset: int) -> None:
        """What the clock is off from now on, in seconds."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(offset))
        fresh.replace(self._clock)

    def deliver(self) -> list[Handled]:
        """What `reporter push` does."""
        given = {"dir": str(self._records), "gateway": self.front.url}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment().items():  # where else records may be
                patch.setenv(name, value)
            return list(Deliverer(resolve(given, {})).deliver(self._record_folders()))

    def records(self, run: str) -> list[RunRecord]:
        """Every record of the run; more than one where the wanted folder was not to be had."""
        return [load(each) for each in self._record_folders() if f"/{run}/" in each]

    def group(self, run: str) -> Group:
        return Group(fetch(self.gateway.url + "/metrics"), run)

    def story(self) -> str:
        """What a person wants to read of an example that has failed."""
        told = [self.trainee.said] if self.trainee else []
        told += [f"pushed: {p.status} {p.request.method} {Pushed(p).reason}" for p in self.pushes]
        for folder in map(Path, self._record_folders()):
            told += [f"{folder}: {sorted(os.listdir(folder))}"]
            files = (folder / "events.jsonl", folder / "sender.log")
            told += [file.read_text(encoding="utf-8") for file in files if file.exists()]
        return "\n".join(told)

    def processes(self) -> list[int]:
        """Every live process that this world's training brought forth."""
        return [pid for pid in numbers() if self._mark.encode() in environment_of(pid)]

    def ended(self) -> bool:
        """Whether the training process and its senders are gone."""
        return not self.processes()

    def close(self) -> None:
        """End every process, and take the disk away."""
        self.front.mode = "down"
        if self.trainee is not None:
            self.trainee.close()
        pids = self.processes()
        for pid in pids:
            _signal(pid, signal.SIGKILL)
        wait_for(lambda: all(map(gone, pids)), what="the last processes to be gone")
        self._stack.close()

    @property
    def _records(self) -> Path:
        return self._disk / "records"

    def _record_folders(self) -> list[str]:
        fallbacks = [self._folder / "state" / "reporter_runs", *self._folder.glob("tmp/*")]
        return [one for base in (self._records, *fallbacks) for one in find_records(str(base))]

    def _environment(self) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        fixed = {
            name: value,
            "REPORTER_DIR": str(self._records),
            "REPORTER_GATEWAY": self.front.url,
            "REPORTER_INTERVAL": "1",
            "REPORTER_EXIT_TIMEOUT": str(EXIT_TIMEOUT),
            "XDG_STATE_HOME": str(self._folder / "state"),
            "TMPDIR": str(self._folder / "tmp"),
            CLOCK: str(self._clock),
        }
        return fixed | self._settings


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it had ended
        pass


def _mask(pid: int, of: str) -> int:
    return int(status_of(pid).get(of, "0"), 16)
