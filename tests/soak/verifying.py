"""What must be true of a run once all its processes are gone, whatever they died of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from reporter.names import POINT_DROPS, State
from reporter.record import events
from reporter.record.events import EventReader
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from tests.runs import Group, counted
from tests.soak.children.ledger import METRICS, Ledger
from tests.soak.children.serial import REPORTS
from tests.soak.gateway import SoakGateway
from tests.soak.life import Life

End = tuple[State, str]
DIED: End = (State.FAILED, "died")
RETURNED: End = (State.SUCCEEDED, "returned")
ENDS: dict[str, End] = {
    "returned": RETURNED,
    "finish": RETURNED,
    "exit-0": RETURNED,
    "exception": (State.FAILED, "exception"),
    "exit-3": (State.FAILED, "exit_code"),
    "interrupt": (State.CANCELLED, "interrupt"),
    "fail": (State.FAILED, "asked"),
}
CODES = {"exception": 1, "exit-3": 3, "interrupt": -2}


@dataclass
class Tally:
    """What all runs add up to."""

    ends: Counter[str] = field(default_factory=Counter)
    without_a_run: int = 0  # killed before there was one
    reported: int = 0  # reports that returned
    recorded: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    last_values_lost: int = 0
    checked_on_the_gateway: int = 0  # beside what it had accepted, what it still showed
    problems: list[str] = field(default_factory=list)
    befallen: list[str] = field(default_factory=list)  # what is known of each life with a problem


class Verifier:
    """Checks one run after the other, and adds up what it finds."""

    def __init__(self, gateway: SoakGateway) -> None:
        self.tally = Tally()
        self._gateway = gateway

    def verify(self, life: Life, record: RunRecord | None) -> None:
        """The run's one record, if there is one, and what was pushed."""
        found = self._problems(life, record)
        self.tally.problems += [f"life {life.number}: {each}" for each in found]

    def _problems(self, life: Life, record: RunRecord | None) -> Iterator[str]:
        if life.hung:
            yield "it did not leave"
        if not life.killed:
            yield from _orderly_end(life)
        if record is None:
            self.tally.without_a_run += 1
            if life.ledger.entered and not life.lost_both:
                yield "it was entered, and there is no record"
            return
        self._add(life.ledger, record)
        yield from _honest_end(life, record)
        lost = list(_losses(life, record))
        self.tally.last_values_lost += bool(lost)
        yield from lost
        yield from _inventions(life.ledger, record)
        yield from self._undelivered(record)

    def verify_serial(self, runs: int, records: list[RunRecord]) -> None:
        """The process that had run after run: each is whole."""
        if len(records) != runs:
            self.tally.problems.append(f"serial: {len(records)} records of {runs} runs")
        for record in records:
            self.tally.ends[f"{record.state.word}: {record.reason}"] += 1
            self.tally.reported += REPORTS
            self.tally.recorded += counted(record)[0]
            whole = list(record.points["loss"].values) == list(range(REPORTS))
            found = [] if whole else ["points are missing"]
            if (record.state, record.reason) != RETURNED:
                found.append(f"it ended as {record.reason}")
            found += self._undelivered(record)
            self.tally.problems += [f"serial, {record.folder}: {each}" for each in found]

    def _add(self, ledger: Ledger, record: RunRecord) -> None:
        tally = self.tally
        tally.ends[f"{record.state.word}: {record.reason}"] += 1
        tally.reported += sum(ledger.counts(name)[0] for name in (*METRICS, "no number"))
        tally.recorded += counted(record)[0]
        tally.dropped.update({k: n for k, n in record.dropped.items() if n})

    def _undelivered(self, record: RunRecord) -> Iterator[str]:
        """What the gateway accepted last is the record's end and newest values."""
        run = run_of(record)
        pushed, shown = self._gateway.last(run), self._gateway.group(run)
        if pushed is None or not record.delivered:
            yield f"it was not delivered ({record.delivered=})"
            return
        ends = self._gateway.ends(run)
        if ends != {(record.state, record.reason)}:
            yield f"these ends were pushed: {ends}, and this is recorded: {record.reason}"
        self.tally.checked_on_the_gateway += shown is not None
        for group in (pushed, shown):
            if group is not None:
                yield from _other_values(record, group)


def run_of(record: RunRecord) -> str:
    """Its id; run.json may be missing where its sender was killed."""
    return os.path.basename(os.path.dirname(record.folder))


def _orderly_end(life: Life) -> Iterator[str]:
    way = life.plan.way
    if life.code != CODES.get(way, 0):
        yield f"it left with code {life.code}"
    if life.ledger.said != way or (life.ledger.left != (way not in CODES and way != "exit-0")):
        yield "it did not leave as it was told to"


def _honest_end(life: Life, record: RunRecord) -> Iterator[str]:
    said = ENDS.get(life.ledger.said)
    allowed = {end for end in (said, DIED if life.killed else None) if end}
    if life.lost_both:
        allowed.add(DIED)
    if (record.state, record.reason) not in allowed:
        yield f"it ended as {record.reason}, and these would be honest: {allowed}"
    count = sum(event.kind == events.END for event in _events(record))
    if count != 1:
        yield f"it has {count} ends"


def _losses(life: Life, record: RunRecord) -> Iterator[str]:
    """Every report that returned is recorded or counted; so is no more than were begun."""
    ledger = life.ledger
    names = (*METRICS, "no number")
    returned = sum(ledger.counts(name)[0] for name in names)
    begun = sum(ledger.counts(name)[1] for name in names)
    recorded, dropped = counted(record)
    if recorded + dropped > begun:
        yield f"{recorded} recorded and {dropped} dropped, of {begun}"
    if life.lost_both:  # and with the sender what it had not taken
        return
    if recorded + dropped < returned:
        yield f"{recorded} recorded and {dropped} dropped, of at least {returned}"
    for name in METRICS:
        least, most = ledger.counts(name)
        newest = record.newest.get(name, (-1.0, None))[0]
        if not least - 1 <= newest <= most - 1:
            yield f"the newest {name} is {newest}; it should be {least - 1} to {most - 1}"
    least, most = ledger.counts("turn")
    turn = record.parameters.get("turn", -1)
    if not least - 1 <= turn <= most - 1 and not record.dropped.get("message_lost"):
        yield f"the parameter is {turn}; it should be {least - 1} to {most - 1}"


def _inventions(ledger: Ledger, record: RunRecord) -> Iterator[str]:
    """Every value was reported, in this order, with this step."""
    if record.damage:
        yield f"{record.damage} lines or bytes cannot be read"
    whole = not any(record.dropped.get(reason) for reason in POINT_DROPS if reason != "bad_value")
    for name, points in record.points.items():
        values = list(points.values)
        most = ledger.counts(name)[1] if name in METRICS else 0
        if values != sorted(set(values)) or (values and not 0 <= values[0] <= values[-1] < most):
            yield f"{name} is out of order, or more than was reported"
        if whole and values != list(range(len(values))):
            yield f"{name} has a gap"
        if points.steps != values:
            yield f"{name} has other steps"
    kept = [event.fields.get("name") for event in _events(record) if event.kind == events.ARTIFACT]
    if len(kept) > ledger.counts("artifact")[1] or len(kept) != len(set(kept)):
        yield f"these files are kept: {kept}"
    if not {*record.parameters} <= {"turn", "life"}:
        yield f"these are its parameters: {record.parameters}"


def _other_values(record: RunRecord, group: Group) -> Iterator[str]:
    if (group.state, group.reason) != (record.state, record.reason):
        yield f"the gateway says {group.reason}, the record {record.reason}"
    for name in (*METRICS, "of the child", "text"):
        newest = record.newest.get(name, (None, None))[0]
        if group.metric(name) != newest:
            yield f"the gateway's {name} is {group.metric(name)}, the record's {newest}"
    told = [str(record.parameters["turn"])] if "turn" in record.parameters else []
    if group.parameters("turn") != told:
        yield f"the gateway's parameter is {group.parameters('turn')}, the record's {told}"


def _events(record: RunRecord) -> list[events.Event]:
    path = RunPaths.of_folder(record.folder).events
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return list(EventReader(file))
