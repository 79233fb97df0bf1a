"""Runs the soak: processes that live and are killed, what befalls them, and the check of each."""

from __future__ import annotations

import itertools
import os
import queue
import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from reporter.record.load import RunRecord, find_records, load
from reporter.sender.deliver import Deliverer
from reporter.settings import resolve
from tests.services.command import reporter
from tests.soak.canaries import Canaries
from tests.soak.gateway import SoakGateway
from tests.soak.life import Life, Plan, planned
from tests.soak.telling import befallen
from tests.soak.verifying import Verifier, run_of
from tests.soak.watching import Watcher

CHURNING = 6  # and one that lives as long as the soak, and one that has run after run
LONG, SERIAL = 0, 1
EXIT_TIMEOUT, LINGER, SLACK = 2, 10, 20
NEMESIS_S = (1.0, 5.0)
STOPPED_S = (0.1, 3.0)
LATEST = 1.25  # of the time, for the last kills
SENDER_WITHIN_S = 60.0  # far more than one takes to start
# Those that are sampled as long as the soak lasts.
LONG_TRAINER, SERIAL_TRAINER = "trainer of one long run", "trainer of run after run"
LONG_SENDER = "sender of one long run"
LASTING = (LONG_TRAINER, SERIAL_TRAINER, LONG_SENDER)


class Soak:
    """One soak; `run` returns once nothing is left of it."""

    def __init__(self, minutes: float, kills: int, say: Callable[[str], None]) -> None:
        self.seconds, self.wanted_kills, self._say = minutes * 60, kills, say
        self.folder = Path(tempfile.mkdtemp(prefix="soak-"))
        for name in ("gateway", "lives", "records", "state", "runtime"):
            (self.folder / name).mkdir()
        self.canaries = Canaries(self.folder)
        self.gateway = SoakGateway(self.folder / "gateway", self.canaries)
        self.watcher = Watcher(self.folder / "lives", self.canaries)
        self.verifier = Verifier(self.gateway)
        self.kills: Counter[str] = Counter()
        self.sender_kills = self.sender_stops = self.delivered_later = self.lives = 0
        self.left_behind: list[str] = []
        self.left_by_kills = 0  # files that were being attached
        self.url_refused = False
        self.gateway_version = ""
        self.shared_memory_before = set(os.listdir("/dev/shm"))
        self._numbers = itertools.count(SERIAL + 1)
        self._ended: queue.Queue[Life] = queue.Queue()
        self._lives: set[Life] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._dice = random.Random()

    def run(self) -> None:
        """All of it; the parts hold what was found."""
        self.began = time.monotonic()
        self.gateway.start()
        self.watcher.start()
        self._start_the_lasting()
        threads = [threading.Thread(target=self._churn) for _ in range(CHURNING)]
        threads += [threading.Thread(target=each) for each in (self._harm_senders, self._check)]
        for thread in threads:
            thread.start()
        self._tell_each_minute(threads[:CHURNING])
        self.gateway.heal()  # first: what has waited for it can be delivered from now on
        self._over.set()
        for thread in threads:
            thread.join()
        self._end()

    def close(self, keep: bool) -> None:
        """Every process and file of the soak is gone; the files may be kept to look at."""
        self.watcher.stop()
        for pid in self.watcher.everyone():
            _signalled(pid, signal.SIGKILL)
        self.gateway.stop()
        if not keep:
            shutil.rmtree(self.folder)

    def _start_the_lasting(self) -> None:
        self._long = self._new_life(LONG, Plan(seconds=self.seconds, burst=50))
        self._long.start()
        self._serial = self._new_life(SERIAL, Plan(seconds=self.seconds))
        self._serial.start("serial.py", str(self.seconds))
        self.watcher.sample(LONG_TRAINER, self._long.process.pid)
        self.watcher.sample(SERIAL_TRAINER, self._serial.process.pid)
        until = time.monotonic() + SENDER_WITHIN_S
        while not (senders := self.watcher.senders(LONG)) and time.monotonic() < until:
            self.watcher.look_again()
        for pid in senders:
            self.watcher.sample(LONG_SENDER, pid)

    def _new_life(self, number: int, plan: Plan) -> Life:
        environment = {
            **self.canaries.environment(number),
            "REPORTER_DIR": str(self.folder / "records"),
            "REPORTER_GATEWAY": self.gateway.url,
            "REPORTER_INTERVAL": "2",
            "REPORTER_EXIT_TIMEOUT": str(EXIT_TIMEOUT),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
        }
        return Life(number, self.folder / "lives" / str(number), plan, environment)

    # What goes on at once.

    def _churn(self) -> None:
        """One life after the other."""
        while not self._enough():
            with self._lock:
                plan = planned(self._length(), self._left() + 1, self._dice)
                life = self._new_life(next(self._numbers), plan)
                self.lives += 1
            life.start()
            with self._lock:
                self._lives.add(life)
            life.live()
            with self._lock:
                self._lives.discard(life)
                if life.killed:
                    self.kills[life.plan.moment] += 1
            self._ended.put(life)

    def _enough(self) -> bool:
        passed = time.monotonic() - self.began
        if passed < self.seconds:
            return False
        return self.kills.total() >= self.wanted_kills or passed > self.seconds * LATEST

    def _length(self) -> float:
        """How long a life should be, for the kills that are still wanted."""
        wanted = max(1, self.wanted_kills - self.kills.total())
        return max(0.5, min(30.0, 1.2 * CHURNING * self._left() / wanted))

    def _left(self) -> float:
        return max(0.0, self.seconds - (time.monotonic() - self.began))

    def _harm_senders(self) -> None:
        """Kills one, or stops one for a while; each at least once, if there is one to be harmed."""
        while not self._over.wait(self._dice.uniform(*NEMESIS_S)):
            with self._lock:
                lives = [life for life in self._lives if self.watcher.senders(life.number)]
            if not lives:
                continue
            life = self._dice.choice(lives)
            if not self.sender_kills or (self.sender_stops and self._dice.random() < 0.4):
                self._kill_sender(life)
            else:
                self._stop_sender(life if self._dice.random() < 0.8 else self._long)

    def _kill_sender(self, life: Life) -> None:
        for pid in self.watcher.senders(life.number):
            if _signalled(pid, signal.SIGKILL):
                self.sender_kills += 1
                life.note_killed_sender(pid)

    def _stop_sender(self, life: Life) -> None:
        pids = self.watcher.senders(life.number)
        stopped = [pid for pid in pids if _signalled(pid, signal.SIGSTOP)]
        self.sender_stops += len(stopped)
        for pid in stopped:
            life.note(f"sender {pid} stopped")
        self._over.wait(self._dice.uniform(*STOPPED_S))
        for pid in stopped:
            if _signalled(pid, signal.SIGCONT):
                life.note(f"sender {pid} continued")

    def _check(self) -> None:
        """Every life that has ended, once all its processes have."""
        waiting: list[Life] = []
        while not self._over.is_set() or waiting or not self._ended.empty() or self._lives:
            while not self._ended.empty():
                waiting.append(self._ended.get())
            self.watcher.look_again()
            over = [life for life in waiting if not self.watcher.processes(life.number)]
            for life in over:
                if self._verify(life):
                    waiting.remove(life)

    def _verify(self, life: Life) -> bool:
        """Check a life whose processes have ended; False if its run has to be delivered first."""
        problems = self.verifier.tally.problems
        before = len(problems)
        try:
            record = self._record_of(life)
            if record is not None and not record.delivered:
                self._deliver(record)
                record = self._record_of(life)
                if record is not None and not record.delivered and not self._over.is_set():
                    return False
            self._look_at(life, record)
        except Exception as error:  # the other lives are to be checked all the same
            problems.append(f"life {life.number}: {type(error).__name__}: {error}")
        if len(problems) == before:
            shutil.rmtree(life.folder)
            shutil.rmtree(self.folder / "records" / life.project, ignore_errors=True)
        else:
            self._note_what_befell(life)
        return True

    def _note_what_befell(self, life: Life) -> None:
        """What it takes to find the cause of its problems."""
        self.verifier.tally.befallen.append(befallen(life, self.folder / "records" / life.project))

    def _look_at(self, life: Life, record: RunRecord | None) -> None:
        self._search(life, record)
        self._look_into(life)
        self.verifier.verify(life, record)
        if record is not None:
            self.gateway.forget(run_of(record))

    def _deliver(self, record: RunRecord) -> None:
        """What `reporter push` does, while the gateway is there."""
        if not self.gateway.up:
            return
        environment = self.canaries.environment(0)
        settings = resolve({"gateway": self.gateway.url}, environment)
        for handled in Deliverer(settings).deliver([record.folder]):
            self.delivered_later += handled.done == "delivered"

    def _record_of(self, life: Life) -> RunRecord | None:
        found = self._records_of(life)
        assert len(found) < 2, f"life {life.number} has {len(found)} records"
        return found[0] if found else None

    def _records_of(self, life: Life) -> list[RunRecord]:
        base = self.folder / "records"
        return [load(each) for each in find_records(str(base)) if f"/{life.project}/" in each]

    def _search(self, life: Life, record: RunRecord | None) -> None:
        self.canaries.search_folder(life.folder)
        if record is not None:
            self.canaries.search_folder(Path(record.folder))

    # How it ends.

    def _tell_each_minute(self, churning: list[threading.Thread]) -> None:
        due = self.began + 60
        while any(thread.is_alive() for thread in churning):
            self._over.wait(0.5)
            if time.monotonic() > due:
                due += 60
                self._say(self.progress())

    def progress(self) -> str:
        """How it stands, in a line."""
        passed, tally = time.monotonic() - self.began, self.verifier.tally
        problems = len(tally.problems) + len(self.canaries.found)
        return (
            f"{passed / 60:5.1f} min: {self.kills.total()} kills, {tally.ends.total()} ends"
            f" checked, {tally.recorded} points recorded, {self.gateway.outages.total()} outages,"
            f" {self.sender_kills} senders killed, {problems} problems"
        )

    def _end(self) -> None:
        for life in (self._long, self._serial):
            life.live()
        self._refuse_a_url()
        self.gateway_version = self.gateway.version
        self._wait_for_silence()
        self._push_what_is_left()
        problems = self.verifier.tally.problems
        for life, check in (
            (self._long, self._check_the_long),
            (self._serial, self._check_the_serial),
        ):
            before = len(problems)
            self._look_into(life)
            check(life)
            if len(problems) > before:
                self._note_what_befell(life)
        self._look_for_remains()

    def _push_what_is_left(self) -> None:
        environment = {"REPORTER_GATEWAY": self.gateway.url, **self.canaries.environment(1)}
        pushed = reporter("push", self.folder / "records", folder=self.folder, **environment)
        self.canaries.search("what `reporter push` says", (pushed.stdout + pushed.stderr).encode())
        if pushed.returncode:
            self.verifier.tally.problems.append(f"reporter push: {pushed.stdout}{pushed.stderr}")

    def _check_the_long(self, life: Life) -> None:
        record = self._record_of(life)
        self._search(life, record)
        self.verifier.verify(life, record)

    def _check_the_serial(self, life: Life) -> None:
        records = self._records_of(life)
        self._search(life, None)
        self.verifier.verify_serial(life.ledger.runs, records)

    def _refuse_a_url(self) -> None:
        """A password in the gateway's URL: a Reporter says so, and not which."""
        shown = reporter("config", REPORTER_GATEWAY=self.canaries.url(self.gateway.url))
        said = shown.stdout + shown.stderr
        self.canaries.search("what is said of a URL with a password", said.encode())
        self.url_refused = shown.returncode != 0 and "must not hold a user name" in said

    def _wait_for_silence(self) -> None:
        until = time.monotonic() + EXIT_TIMEOUT + LINGER + SLACK
        while self.watcher.everyone() and time.monotonic() < until:
            self.watcher.look_again()

    def _look_into(self, life: Life) -> None:
        """What it left where only passing files are."""
        left = list((life.folder / "tmp").iterdir())
        for pattern in (".reserve", "*.new", "*.part"):
            left += (self.folder / "records" / life.project).rglob(pattern)
        if life.killed or life.sender_killed:
            self.left_by_kills += len(left)
        else:
            self.left_behind += map(str, left)

    def _look_for_remains(self) -> None:
        """Processes, and files where no record is."""
        self.left_behind += [f"process {each}" for each in self.watcher.everybody()]
        for name in ("state", "runtime"):
            self.left_behind += [str(path) for path in (self.folder / name).rglob("*")]
        fresh = set(os.listdir("/dev/shm")) - self.shared_memory_before
        self.left_behind += [f"/dev/shm/{name}" for name in fresh if "reporter" in name]


def _signalled(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it had ended
        return False
    return True
