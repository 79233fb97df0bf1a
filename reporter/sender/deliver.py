"""Delivers what earlier runs left undelivered, record by record: what `reporter push` does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reporter.errors import RecordDamaged
from reporter.names import State
from reporter.record import events
from reporter.record.hold import is_held
from reporter.record.load import RunRecord, find_records, load
from reporter.record.paths import RunPaths, rank_in
from reporter.record.writer import RecordHeld, RecordWriter
from reporter.sender.delivery import target_of
from reporter.sender.elsewhere import goes_on_elsewhere
from reporter.sender.gauges import SHOWN_BY, Gauges
from reporter.sender.pusher import Pusher
from reporter.sender.recorder import bases
from reporter.sender.remains import (
    events_in,
    facts_of,
    groups_in,
    is_empty,
    last_moment,
    last_point,
    may_live,
)
from reporter.settings import Settings
from reporter.sinks import sink_for
from reporter.sinks.base import Family, Outcome, Sink


class Done(StrEnum):
    """What came of one record."""

    DELIVERED = "delivered"
    ALREADY = "already delivered"
    LIVE = "live"
    EMPTY = "empty"
    ELSEWHERE = "kept elsewhere"  # what came after this record, and with it the run's end
    WAITING = "not delivered yet"  # what a dry run says of what it would push
    NO_GATEWAY = "no gateway"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Handled:
    """One record and what was done with it; `closed`: it had no end and was given one."""

    folder: str
    run: str
    rank: int
    done: Done
    closed: bool = False
    problem: str = ""

    @property
    def undelivered(self) -> bool:
        """Whether something that should be on the gateway is not."""
        return self.done in {Done.FAILED, Done.NO_GATEWAY}


def records_below(folder: str, with_fallbacks: bool = False) -> list[str]:
    """The records of a folder of records, of a project or of a run, or the one it is itself.

    With the fallbacks also those that are there because the wanted folder was not to be written.
    """
    at, found = folder, find_records(folder)
    for _ in range(3):
        if found:
            break
        at = os.path.dirname(at)
        found = [one for one in find_records(at) if one == folder or one.startswith(folder + "/")]
    if with_fallbacks:
        found += [one for base in bases(folder)[1:] for one in find_records(base)]
    return found


class Deliverer:
    """The way of records to the gateway of these settings, if they name one."""

    def __init__(
        self,
        settings: Settings,
        *,
        dry_run: bool = False,
        again: bool = False,
        end: dict[str, Any] | None = None,
    ) -> None:
        """`end`: how runs ended that have no end; by default they have died, if nothing lives."""
        self._settings, self._dry_run, self._again = settings, dry_run, again
        self._end = end
        self._gone = ""  # why the gateway cannot be reached: the next record need not try
        self._sink: Sink | None = None
        if settings.gateway and not dry_run:
            self._sink = sink_for(target_of(settings.values()))

    def deliver(self, folders: Iterable[str]) -> Iterator[Handled]:
        """Handle one record after the other; a bad one never stops those that follow."""
        try:
            for folder in folders:
                yield self._handled(folder)
        finally:
            if self._sink is not None:
                self._sink.close()

    def _handled(self, folder: str) -> Handled:
        try:
            return self._handle(folder)
        except RecordHeld:
            return _said(folder, Done.LIVE)
        except (OSError, RecordDamaged) as error:
            return _said(folder, Done.FAILED, problem=str(error))
        except Exception as error:  # noqa: BLE001 - nor does a bug that only this record shows
            return _said(folder, Done.FAILED, problem=f"{type(error).__name__}: {error}")

    def _handle(self, folder: str) -> Handled:
        record = load(folder)
        left_alone = self._left_alone(record)
        if left_alone is not None:
            return _said(folder, left_alone)
        if self._dry_run:
            return _said(folder, Done.WAITING, closed=record.end_time is None)
        limit, attempt = self._settings.record_limit, record.attempt
        writer = RecordWriter(RunPaths.of_folder(folder), limit_bytes=limit, attempt=attempt)
        try:
            return self._handle_held(folder, writer)
        finally:
            writer.sync()
            writer.close()

    def _left_alone(self, record: RunRecord) -> Done | None:
        """What makes a record one that nothing is written into."""
        if is_held(record.folder):
            return Done.LIVE
        if record.delivered and not self._again:
            return Done.ALREADY
        if is_empty(record.folder):  # its sender may be about to begin
            return Done.EMPTY
        if record.end_time is None and self._end is None and may_live(record):
            return Done.LIVE
        return Done.ELSEWHERE if goes_on_elsewhere(record, self._settings.dir) else None

    def _handle_held(self, folder: str, writer: RecordWriter) -> Handled:
        record = load(folder)  # anew: until it was held, another process may have written it
        if record.attempt != writer.attempt:  # another process went on with the run
            return _said(folder, Done.LIVE)
        if record.delivered and not self._again:
            return _said(folder, Done.ALREADY)
        closed = record.end_time is None
        if closed:
            record = _closed(writer, folder, self._end or _DIED)
        if self._sink is None:
            return _said(folder, Done.NO_GATEWAY, closed=closed)
        if self._gone:
            return _said(folder, Done.FAILED, closed=closed, problem=self._gone)
        outcome = self._push(self._sink, record)
        if not outcome.ok:
            if not outcome.refused:
                self._gone = outcome.problem
            return _said(folder, Done.FAILED, closed=closed, problem=outcome.problem)
        writer.event(events.DELIVERED, to=self._sink.url)
        return _said(folder, Done.DELIVERED, closed=closed)

    def _push(self, sink: Sink, record: RunRecord) -> Outcome:
        groups = groups_in(record.folder)
        if not groups:
            raise RecordDamaged("events.jsonl does not say whose group this is")
        for earlier in groups[-2:-1]:  # as the sender itself removes it where it is online
            if earlier != groups[-1] and not (outcome := sink.delete(earlier)).ok:
                return outcome
        gauges, push = self._gauges(record), _Push(sink, groups[-1])
        outcome = push(gauges.families(time.time()))
        if outcome.ok and push.refused:
            # What does not get through is known only now, and has to show there.
            account = gauges.account
            account.rejected = push.refused
            account.dropped["quarantined"] = push.refused
            outcome = push(gauges.families(time.time()))
        return outcome

    def _gauges(self, record: RunRecord) -> Gauges:
        settings, folder = self._settings_of(record), record.folder
        gauges = Gauges(
            facts_of(record.identity),
            parameter_prefix=settings["parameter_prefix"],
            series_limit=settings["series_limit"],
            lease=settings["lease"],
        )
        moved = last_point(folder) or record.end_time or 0.0
        gauges.retell(events_in(folder), record.newest, moved)
        gauges.account.interval = settings["interval"]
        over = {"quarantined": 0, "series_limit": gauges.over_limit}
        gauges.account.dropped = {**record.dropped, **over}
        gauges.account.reports = None  # how many there were, only the run's own sender knew
        if settings["on_finish"] == "delete":
            gauges.shorten_lease()
        return gauges

    def _settings_of(self, record: RunRecord) -> dict[str, Any]:
        """What the run itself was set to, as far as its record says."""
        ours = {name: getattr(self._settings, name) for name in SHOWN_BY}
        kept = record.identity.get("settings")
        kept = kept if isinstance(kept, dict) else {}
        return {
            name: kept[name] if isinstance(kept.get(name), type(own)) else own
            for name, own in ours.items()
        }


class _Push:
    """Pushes as the sender does, and waits for what comes of it."""

    def __init__(self, sink: Sink, group: dict[str, str]) -> None:
        self._over = threading.Event()
        self._pusher = Pusher(sink, group, on_done=self._over.set)

    @property
    def refused(self) -> int:
        return self._pusher.refused_ever

    def __call__(self, families: list[Family]) -> Outcome:
        self._over.clear()
        self._pusher.start(families)
        self._over.wait()
        outcome = self._pusher.outcome()
        assert outcome is not None
        return outcome


_DIED = {"state": int(State.FAILED), "reason": "died", "detail": ""}


def _closed(writer: RecordWriter, folder: str, told: dict[str, Any]) -> RunRecord:
    """The record with the end that nobody was left to write."""
    if not writer.event(events.END, last_moment(folder), **told):
        raise OSError("the run's end could not be written into its record")
    return load(folder)


def _said(folder: str, done: Done, *, closed: bool = False, problem: str = "") -> Handled:
    run, rank = os.path.split(os.path.abspath(folder))
    return Handled(folder, os.path.basename(run), rank_in(rank) or 0, done, closed, problem)
