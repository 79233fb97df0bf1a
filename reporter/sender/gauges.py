"""What a run shows on the gateway, built from its events and newest values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reporter.board.layout import METRICS
from reporter.board.writer import cut_name
from reporter.names import (
    FAMILIES,
    METRIC_HELP,
    METRIC_PREFIX,
    TYPE_LABEL,
    VALUE_LIMIT,
    State,
    family,
)
from reporter.record import events
from reporter.record.events import Event
from reporter.sender.machine.reading import Reading
from reporter.sender.newest import NewestValues
from reporter.sender.paced import Paced
from reporter.sinks.base import Family

# The settings that decide how a run shows: its record keeps them for a later delivery.
SHOWN_BY = ("parameter_prefix", "series_limit", "lease", "interval", "on_finish")

_NEARLY_DONE = 0.9999  # progress is 1 only once the run succeeded
_SHORT_LEASE = 300.0  # of a run that asked to be deleted once it is finished

_Sample = tuple[dict[str, str], float]


@dataclass(slots=True)
class Account:
    """What the sender says about itself: counts, never less than before."""

    reports: int | None = 0  # None where no history is kept: reports are not counted then
    dropped: dict[str, int] = field(default_factory=dict)
    push_seconds: float | None = None
    push_failures: int = 0
    rejected: int = 0
    interval: float = 0.0


class Gauges:
    """The state of one run and rank, as gauge families."""

    def __init__(
        self, facts: Mapping[str, str], *, parameter_prefix: str, series_limit: int, lease: float
    ) -> None:
        self.facts = dict(facts)
        self.newest = NewestValues()
        self.account = Account()
        self.paced = Paced()
        self.machine: Reading = []
        self.progress: tuple[float, float] | None = None
        self._parameter_prefix = parameter_prefix
        self._series_limit = series_limit
        self._lease = lease
        self._state = State.RUNNING
        self._reason, self._detail = "", ""
        self._start: float | None = None
        self._end: float | None = None
        self._attempt = 1
        self._parameters: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._stage: str | None = None
        self._milestones: dict[str, float] = {}
        self._not_kept = 0
        self.values_cut = 0

    def apply(self, event: Event) -> None:
        """Something happened to the run."""
        name, told = cut_name(str(event.fields.get("name", ""))), event.fields
        if event.kind == events.START:
            self._begin(event)
        elif event.kind == events.PARAMETER:
            self._keep(self._parameters, name, self._value_in(told))
        elif event.kind == events.TAG:
            self._keep(self._tags, name, self._value_in(told))
        elif event.kind == events.STAGE:
            self._stage = told.get("name")
        elif event.kind == events.MILESTONE:
            self._keep(self._milestones, name, event.time)
        elif event.kind == events.FRAMEWORK:
            self._use(f"{name} {told.get('version', '')}".strip())
        elif event.kind == events.PACE:
            self.paced.retell(told, event.time)
        elif event.kind == events.END:
            self._finish(event)

    def _use(self, framework: str) -> None:
        known = [each for each in self.facts.get("framework", "").split(", ") if each]
        if framework not in known:
            self.facts["framework"] = cut(", ".join([*known, framework]))

    def _value_in(self, told: Mapping[str, Any]) -> str:
        text = str(told.get("value", ""))
        kept = cut(text)
        self.values_cut += kept != text
        return kept

    def _keep(self, kept: dict[str, Any], name: str, value: Any) -> None:
        """Bounded as metrics are: of names beyond, a record tells, and here a count."""
        if name in kept or len(kept) < METRICS:
            kept[name] = value
        else:
            self._not_kept += 1

    def retell(
        self,
        happened: Iterable[Event],
        newest: Mapping[str, tuple[float, int | None]],
        now: float,
    ) -> None:
        """Take over what a record tells: its events, and each metric's newest value and step."""
        for event in happened:
            self.apply(event)
        for name, (value, step) in newest.items():
            self.newest.set(name, value, step, now)

    def _begin(self, event: Event) -> None:
        self._state, self._reason, self._detail, self._end = State.RUNNING, "", "", None
        self._attempt = int(event.fields.get("attempt", 1))
        self._stage = None
        self.newest.clock.begin()
        self.paced.begin()
        if self._start is None:
            self._start = event.time

    def _finish(self, event: Event) -> None:
        self._state = State(int(event.fields.get("state", State.FAILED)))
        self._reason = str(event.fields.get("reason", "died"))
        self._detail = str(event.fields.get("detail", ""))
        self._end = event.time

    @property
    def ended(self) -> bool:
        return self._end is not None

    def shorten_lease(self) -> None:
        """The run asked to be deleted once it is finished."""
        self._lease = _SHORT_LEASE

    def families(self, now: float) -> list[Family]:
        """Everything to push: what the sender adds first, then what users reported."""
        own = [*self._facts(), *self._run(now), *self._machine(), *self._about_itself()]
        return [_family(name, samples) for name, samples in own if samples] + self._users()

    def _facts(self) -> Iterator[tuple[str, list[_Sample]]]:
        yield "reporter_run_info", [(self.facts, 1)]
        yield "reporter_run_state", _plain(self._state)
        yield "reporter_run_attempt", _plain(self._attempt)
        yield "reporter_run_start_time_seconds", _plain(self._start)
        yield "reporter_run_end_time_seconds", _plain(self._end)
        if self._end is not None:
            labels = {"reason": self._reason, "detail": cut(self._detail)}
            yield "reporter_run_end_info", [(labels, 1)]

    def _run(self, now: float) -> Iterator[tuple[str, list[_Sample]]]:
        given = self.newest.clock.step
        clock = self.paced.clock if given is None else self.newest.clock
        yield "reporter_run_step", _plain(clock.step)
        yield "reporter_run_steps", _plain(self.paced.expected(given))
        yield "reporter_run_last_step_time_seconds", _plain(clock.moved_at)
        yield "reporter_run_step_interval_seconds", _plain(clock.interval)
        yield "reporter_run_progress_ratio", _plain(self._ratio())
        stage = [] if self._stage is None else [({"stage": cut(self._stage)}, 1.0)]
        yield "reporter_run_stage_info", stage
        yield from self.paced.families()
        yield "reporter_run_lease_expires_time_seconds", _plain(now + self._lease)

    def _machine(self) -> Reading:
        """Of a run that goes on: a process that has ended uses nothing of it."""
        return [] if self.ended else self.machine

    def _about_itself(self) -> Iterator[tuple[str, list[_Sample]]]:
        account = self.account
        yield "reporter_push_interval_seconds", _plain(account.interval)
        yield "reporter_reports_total", _plain(account.reports)
        dropped = sorted(account.dropped.items())
        yield "reporter_dropped_total", [({"reason": reason}, n) for reason, n in dropped]
        nonfinite = self.newest.nonfinite.items()
        yield "reporter_nonfinite_total", [({"metric_name": name}, n) for name, n in nonfinite]
        yield "reporter_push_seconds", _plain(account.push_seconds)
        yield "reporter_push_failures_total", _plain(account.push_failures)
        yield "reporter_rejected_families", _plain(account.rejected)

    def _ratio(self) -> float | None:
        if self._state is State.SUCCEEDED:
            return 1.0
        done, total = self.progress or self.paced.share or self._epochs()
        return max(0.0, min(done / total, _NEARLY_DONE)) if total > 0 else None

    def _epochs(self) -> tuple[float, float]:
        values = self.newest.values
        return values.get("epoch", 0.0), values.get("overall_epochs", 0.0)

    def _users(self) -> list[Family]:
        series = list(self._user_series())
        grouped: dict[str, list[_Sample]] = {}
        for name, labels, value in series[: self._series_limit]:
            grouped.setdefault(name, []).append((labels, value))
        return [_family(name, samples) for name, samples in grouped.items()]

    @property
    def over_limit(self) -> int:
        """How many of the users' series are more than may be pushed."""
        count = len(self.newest.values) + len(self._parameters)
        count += len(self._tags) + len(self._milestones)
        return max(0, count - self._series_limit) + self._not_kept

    def _user_series(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for name, value in self.newest.values.items():
            labels = {"metric_name": name, TYPE_LABEL: "metric"}
            yield family(METRIC_PREFIX, name), labels, value
        for name, text in self._parameters.items():
            labels = {"param_name": name, "param_value": text, TYPE_LABEL: "parameter"}
            yield family(self._parameter_prefix, name), labels, 1
        for name, text in self._tags.items():
            yield "reporter_run_tag_info", {"tag": name, "value": text}, 1
        for name, time in self._milestones.items():
            yield "reporter_run_milestone_time_seconds", {"milestone": name}, time


def cut(text: str) -> str:
    """A label's value, at most 1 KiB of it."""
    raw = text.encode("utf-8", "backslashreplace")
    return text if len(raw) <= VALUE_LIMIT else raw[:VALUE_LIMIT].decode("utf-8", "ignore")


def _plain(value: float | None) -> list[_Sample]:
    return [] if value is None else [({}, float(value))]


def _family(name: str, samples: Iterable[tuple[Any, float]]) -> Family:
    help_text = FAMILIES[name][1] if name in FAMILIES else METRIC_HELP
    return Family(name, help_text, tuple(samples))
