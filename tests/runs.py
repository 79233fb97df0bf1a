"""What the tests of the core share: training processes, their records and their groups."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from reporter.names import METRIC_PREFIX, POINT_DROPS, State, family
from reporter.record.events import Event, EventReader
from reporter.record.load import RunRecord, find_records, load
from reporter.record.paths import RunPaths
from tests.processes import numbers, open_files
from tests.services.programs import fetch
from tests.waiting import wait_for

CHILDREN = Path(__file__).parent / "faults" / "children"
Command = Sequence[str | Path]


class Ended(NamedTuple):
    """How a training process ended and what it wrote."""

    code: int
    out: str
    err: str


class Group:
    """What a gateway shows of one run and rank."""

    def __init__(self, text: str, run: str, rank: int = 0) -> None:
        wanted = {"run": run, "rank": str(rank)}
        lines = [line for line in text.splitlines() if f'run="{run}"' in line]
        families = text_string_to_metric_families("\n".join([*lines, ""]))
        found = (sample for each in families for sample in each.samples)
        self.samples: list[Sample] = [s for s in found if wanted.items() <= s.labels.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample of this name and these labels; None where there is none."""
        found = [s for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        assert len(found) <= 1, found
        return found[0].value if found else None

    def metric(self, name: str) -> float | None:
        return self.value(family(METRIC_PREFIX, name), metric_name=name, push_gateway_type="metric")

    def parameters(self, name: str) -> list[str]:
        """The text of every series of a parameter: one, if all is well."""
        wanted = {"param_name": name, "push_gateway_type": "parameter"}
        found = [s for s in self.samples if wanted.items() <= s.labels.items()]
        return [s.labels["param_value"] for s in found]

    @property
    def state(self) -> State | None:
        found = self.value("reporter_run_state")
        return None if found is None else State(int(found))

    @property
    def reason(self) -> str | None:
        """Why the run ended; None until it has."""
        found = [s for s in self.samples if s.name == "reporter_run_end_info"]
        return found[0].labels["reason"] if found else None


class Told:
    """A live training process that makes the calls it is told to; see children/told.py."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.run, self.sender = self._answer()

    @property
    def pid(self) -> int:
        return self.process.pid

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Make one call on its Reporter; what it returned."""
        self._write([method, *arguments])
        return self._answer()

    def leave(self) -> float:
        """Leave the scope; the seconds that took."""
        self.begin_to_leave()
        return float(self._answer())

    def begin_to_leave(self) -> None:
        """Leave the scope, and do not wait for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _write(self, told: list[Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr is not None
            pytest.fail(f"the training process ended:\n{self.process.stderr.read()}")
        return json.loads(line)


class Heard:
    """What a live training process has written to its standard error so far."""

    def __init__(self, told: Told) -> None:
        assert told.process.stderr is not None
        self._told = told
        self._descriptor = told.process.stderr.fileno()
        os.set_blocking(self._descriptor, False)
        self._text = b""

    def __call__(self) -> str:
        try:
            self._text += os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            pass
        return self._text.decode()

    def after_a_slow_call(self) -> str:
        """The same, once it had the chance to say more."""
        self._told("report_parameter", "moment", time.monotonic())
        return self()


class Training:
    """Training processes with one folder of records and one gateway."""

    def __init__(self, folder: Path, gateway: str | None = None, **settings: object) -> None:
        self.folder, self.gateway = folder, gateway
        self.records_folder = folder / "records"
        chosen = {"dir": self.records_folder, "gateway": gateway or "", **settings}
        self.settings = {f"REPORTER_{name.upper()}": str(value) for name, value in chosen.items()}

    @contextmanager
    def started(self, command: Command, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A training process that is surely gone afterwards."""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **self.settings, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def told(self, **environment: str) -> Iterator[Told]:
        """A training process that does as it is told."""
        with self.started(child("told.py"), **environment) as process:
            yield Told(process)

    def run(self, command: Command, text: str = "", **environment: str) -> Ended:
        """Run a training process to its end."""
        with self.started(command, **environment) as process:
            out, err = process.communicate(text, timeout=60)
            return Ended(process.returncode, out, err)

    def runs(self) -> list[str]:
        """The ids of all runs that there are records of."""
        found = find_records(str(self.records_folder))
        return sorted({os.path.basename(os.path.dirname(folder)) for folder in found})

    def records(self) -> list[RunRecord]:
        return [load(folder) for folder in find_records(str(self.records_folder))]

    def record(self, run: str = "", rank: int = 0) -> RunRecord:
        """The record of a run and rank; without an id, the one there is."""
        if not run:
            (run,) = self.runs()
        (folder,) = self.records_folder.glob(f"*/{run}/rank-{rank}")
        return load(str(folder))

    def ended_record(self, timeout: float = 10) -> RunRecord:
        """The one record, once it tells an end."""
        wait_for(lambda: [r for r in self.records() if r.end_time], timeout, "an end in the record")
        return self.record()

    def events(self, kind: str) -> list[Event]:
        """The record's events of one kind."""
        with open(RunPaths.of_folder(self.record().folder).events, "rb") as file:
            return [event for event in EventReader(file) if event.kind == kind]

    def group(self, run: str = "", rank: int = 0) -> Group:
        """What the gateway shows of a run, by default of the one that there is a record of."""
        assert self.gateway is not None
        if not run:
            (run,) = self.runs()
        return Group(fetch(self.gateway + "/metrics"), run, rank)

    def ended_group(self, run: str = "", timeout: float = 10) -> Group:
        """The group once it shows an end."""

        def end() -> str | None:
            return self.group(run).reason if run or self.records() else None

        wait_for(end, timeout, "the run's end on the gateway")
        return self.group(run)


def child(name: str, *arguments: object) -> list[str]:
    """The command that runs a script of children/."""
    return [sys.executable, str(CHILDREN / name), *map(str, arguments)]


def counted(record: RunRecord) -> tuple[int, int]:
    """How many points a record holds, and how many it counts as dropped."""
    dropped = sum(record.dropped.get(reason, 0) for reason in POINT_DROPS)
    return sum(len(points) for points in record.points.values()), dropped


def senders_of(training: Training) -> list[int]:
    """The live processes that have one of its records open."""
    base = str(training.records_folder)
    return [pid for pid in numbers() if any(path.startswith(base) for path in open_files(pid))]
