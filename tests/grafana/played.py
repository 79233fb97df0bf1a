"""Runs that began hours ago, for what nobody can wait for: curves, a stall, a lost run.

Nothing here is typed by hand: the sender's own gauges are told of steps by a clock of the past,
and what they would have pushed is written as Prometheus's history. It may reach into the future,
so that for a while the runs go on.

To look at it: python -m tests.grafana.played FOLDER, then prometheus --storage.tsdb.path=FOLDER.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TextIO

from reporter.board.layout import CHECKPOINT_AT
from reporter.names import DROP_REASONS, FAMILIES, JOB, METRIC_PREFIX, State
from reporter.record import events
from reporter.record.events import Event
from reporter.reporter.pace import Pace, nowhere
from reporter.sender.gauges import Gauges
from reporter.sender.machine.reading import Reading
from reporter.sinks.base import Family
from tests.grafana import story
from tests.services.programs import find_program

HOURS = 3.0
FUTURE_S = 1800.0
EVERY_S = 15.0  # between two scrapes; every push is seen by one
STEP_S = 2.0
EPOCHS = 12
RUNS = {role: f"{role}-played" for role in story.PARTS}

_LOST_AGO, _STALLED_AGO, _FINISHED_AGO, _FAILED_AGO = 900.0, 1500.0, 2400.0, 5400.0
_LEFT_S = 3600.0  # of the runs that go on
_HOST = {
    "reporter_process_cpu_ratio": 3.2,
    "reporter_process_memory_bytes": 21 * 2**30,
    "reporter_process_threads": 64,
    "reporter_host_cpu_ratio": 0.31,
    "reporter_host_memory_used_bytes": 180 * 2**30,
    "reporter_host_memory_total_bytes": 512 * 2**30,
}
_BUSY = {"compute": 0.88, "validation": 0.08, "checkpoint": 0.02, "other": 0.02}
_BYTES_PER_S = {name: 4e7 for name in FAMILIES if name.endswith("_bytes_total")}


class Rank:
    """One rank of a run, as its sender knows it."""

    def __init__(self, role: str, rank: int, now: float) -> None:
        self.part, self.role, self.rank = story.PARTS[role], role, rank
        ago = {"failed": _FAILED_AGO, "finished": _FINISHED_AGO}.get(role)
        self.ends = math.inf if ago is None else now - ago
        self.silent = now - _LOST_AGO if role == "lost" else self.ends
        self.stands_still = now - _STALLED_AGO if role == "stalled" else self.silent
        self.began = now - HOURS * 3600 + 120.0 * list(story.PARTS).index(role)
        self._step_s = STEP_S * (story.SLOWER if rank else 1)
        planned = self.ends if role == "finished" else now + _LEFT_S
        self._steps = int((planned - self.began) / self._step_s)
        self._step = 0
        self._words = nowhere()
        self._pace = Pace(self._words)
        self._pace.expect(self._steps)
        self._gauges = Gauges(
            self._facts(), parameter_prefix=METRIC_PREFIX, series_limit=1000, lease=86400
        )
        self._begin()

    @property
    def group(self) -> dict[str, str]:
        run = RUNS[self.role]
        return {"job": JOB, "podUUID": f"pod-of-{run}", "run": run, "rank": str(self.rank)}

    def families(self, at: float) -> list[Family]:
        """What it would have pushed then. Moments come in their order."""
        while self._next_step() <= at and not self._gauges.ended:
            self._take_step(self._next_step())
        if at >= self.ends and not self._gauges.ended:
            self._end()
        self._gauges.machine = self._machine(at)
        self._gauges.account.reports = self._step * 5
        return self._gauges.families(at)

    def pushed_at(self, at: float) -> float:
        """When its newest push before that moment was."""
        return min(at, self.silent)

    def _facts(self) -> dict[str, str]:
        known = {
            "project": story.PROJECT,
            "run_name": self.part.name,
            "host": f"node-{self.rank + 1}",
            "pod": f"{self.part.name}-{self.rank}",
            "namespace": "research",
            "node": f"node-{self.rank + 1}",
            "git_commit": "7e02010",
            "framework": " ".join(story.FRAMEWORK),
            "version": "0.1.0",
        }
        return {label: known[label] for label in FAMILIES["reporter_run_info"][0]}

    def _begin(self) -> None:
        self._tell(events.START, self.began, attempt=1)
        for name, value in story.parameters(self.part).items():
            self._tell(events.PARAMETER, self.began, name=name, value=value)
        for name, value in story.TAGS.items():
            self._tell(events.TAG, self.began, name=name, value=value)
        self._tell(events.STAGE, self.began, name="warm-up")
        once = {"batch_size": self.part.batch, "overall_epochs": EPOCHS}
        for name, value in {**once, "number_of_layers": story.LAYERS}.items():
            self._gauges.newest.set(name, value, None, self.began)
        account = self._gauges.account
        account.interval, account.push_seconds = EVERY_S, 0.012
        account.dropped = dict.fromkeys(DROP_REASONS, 0)

    def _tell(self, kind: str, at: float, **fields: object) -> None:
        self._gauges.apply(Event(at, kind, dict(fields)))

    def _next_step(self) -> float:
        at = self.began + (self._step + 1) * self._step_s
        return at if at <= self.stands_still else math.inf

    def _take_step(self, at: float) -> None:
        self._step += 1
        step, share = self._step, self._step / self._steps
        if step == 30:
            self._tell(events.MILESTONE, at, name="data ready")
            self._tell(events.STAGE, at, name="train")
        self._tell_pace(at)
        if self.rank:
            return
        told = story.learnt(self.part, step, share) | {"epoch": share * EPOCHS}
        if step % 50 == 0:
            told |= story.validated(self.part, step, share)
        if self.role == "failed" and at > self.ends - 60:
            told["loss"] = math.nan
        for name, value in told.items():
            self._gauges.newest.set(name, value, step, at)

    def _tell_pace(self, at: float) -> None:
        part = self.part
        self._pace.step(samples=part.batch)
        self._pace.spent("data", self._step_s * part.waiting)
        for phase, share in _BUSY.items():
            self._pace.spent(phase, self._step_s * (1 - part.waiting) * share)
        if self._step % 450 == 0:
            self._words[CHECKPOINT_AT] = at
        self._gauges.paced.read(self._words, at)

    def _end(self) -> None:
        if self.role == "failed":
            told: dict[str, object] = {"reason": "exception", "detail": "RuntimeError"}
            self._tell(events.END, self.ends, state=int(State.FAILED), **told)
        else:
            self._tell(events.END, self.ends, state=int(State.SUCCEEDED), reason="returned")

    def _machine(self, at: float) -> Reading:
        standing = at > self.stands_still
        wave = math.sin(at / 300 + self.rank)
        load = 0.02 if standing else (1 - self.part.waiting) * (0.92 + 0.06 * wave)
        load *= 0.75 if self.rank else 1
        since = at - self.began
        host = {name: value * (1 + 0.05 * wave) for name, value in _HOST.items()}
        host["reporter_host_memory_total_bytes"] = _HOST["reporter_host_memory_total_bytes"]
        counted = {name: each * since for name, each in _BYTES_PER_S.items()}
        read = {**host, **counted}
        return [(name, [({}, value)]) for name, value in read.items()] + self._gpu(load, since)

    def _gpu(self, load: float, since: float) -> Reading:
        device = {"gpu": str(self.rank), "UUID": f"GPU-of-{self.role}-{self.rank}"}
        watts = 90 + 560 * load
        values = {
            "reporter_gpu_utilization_ratio": load,
            "reporter_gpu_memory_used_bytes": (58 + 12 * load) * 2**30,
            "reporter_gpu_memory_total_bytes": 80 * 2**30,
            "reporter_gpu_power_watts": watts,
            "reporter_gpu_temperature_celsius": 35 + 35 * load,
            "reporter_gpu_energy_joules_total": 500 * since,
        }
        return [(name, [(device, value)]) for name, value in values.items()]


def honoured(group: Mapping[str, str]) -> dict[str, str]:
    """The labels that Prometheus gives a pushed series with `honor_labels: true`."""
    return dict(group)


def not_honoured(group: Mapping[str, str]) -> dict[str, str]:
    """And without it, which is its default."""
    own = {"job": "gateway", "instance": "127.0.0.1:9091"}
    return {**group, **own, "exported_job": group["job"]}


def write_history(
    into: Path, now: float, labelled: Callable[[Mapping[str, str]], dict[str, str]] = honoured
) -> None:
    """Fill an empty folder for Prometheus's storage with all the runs, as of now."""
    with _history(into) as file:
        for role, part in story.PARTS.items():
            for rank in range(part.ranks):
                _write(file, Rank(role, rank, now), now, labelled)


def write_kept(into: Path, runs: Sequence[str], moments: Sequence[float]) -> None:
    """The same with what a gateway keeps of so many runs, the last of which started last."""
    rank = Rank("finished", 0, moments[-1])
    families = rank.families(moments[-1])
    with _history(into) as file:
        for n, run in enumerate(runs):
            own = {"reporter_run_start_time_seconds": rank.began + n}
            for at in moments:
                known = [family for family in families if family.name not in own]
                told = _of_one_value({**own, "push_time_seconds": at})
                file.writelines(_lines([*known, *told], {**rank.group, "run": run}, at))


@contextmanager
def _history(into: Path) -> Iterator[TextIO]:
    """What is written here becomes Prometheus's storage."""
    into.mkdir(parents=True, exist_ok=True)
    text = into.parent / "history.txt"
    with text.open("w", encoding="utf-8") as file:
        yield file
        file.write("# EOF\n")
    command = [find_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, into]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
    text.unlink()


def _write(
    file: TextIO,
    rank: Rank,
    now: float,
    labelled: Callable[[Mapping[str, str]], dict[str, str]],
) -> None:
    """Every scrape of one rank: what a gateway shows stays until the next push."""
    group = labelled(rank.group)
    scrapes = int((now + FUTURE_S - rank.began) / EVERY_S)
    families: list[Family] = []
    for scrape in range(1, scrapes):
        at = rank.began + scrape * EVERY_S
        if not families or rank.pushed_at(at) > at - EVERY_S:
            families = rank.families(at)
        heard = {"push_time_seconds": rank.pushed_at(at), "push_failure_time_seconds": 0.0}
        file.writelines(_lines([*families, *_of_one_value(heard)], group, at))


def _of_one_value(told: Mapping[str, float]) -> list[Family]:
    return [Family(name, "", (({}, value),)) for name, value in told.items()]


def _lines(families: Iterable[Family], group: dict[str, str], at: float) -> Iterator[str]:
    for family in families:
        for labels, value in family.samples:
            text = _labels(tuple((group | dict(labels)).items()))
            yield f"{family.name}{{{text}}} {_number(value)} {at:.3f}\n"


@cache
def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels)


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(float(value))


if __name__ == "__main__":
    write_history(Path(sys.argv[1]), time.time())
