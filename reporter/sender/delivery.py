"""Brings the gauges to the gateway: decides when, starts pushes, and keeps account of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from reporter.sender.gauges import Gauges
from reporter.sender.intake import Intake
from reporter.sender.pusher import Pusher
from reporter.sender.schedule import Schedule
from reporter.sinks import sink_for
from reporter.sinks.base import Outcome, Sink
from reporter.sinks.pushgateway import Target

_BETWEEN_LAST_TRIES = 1.0
_TROUBLE_AFTER = 10.0
_PATIENCE_AT_END = 1.0  # with a push in flight, before the last one takes its place
_SETTLED_AFTER = 0.1  # a gateway that wakes up serves what it was sent meanwhile in any order


class Delivery:
    """The way to one sink; without one, everything is delivered by being recorded."""

    def __init__(
        self,
        settings: dict[str, Any],
        group: dict[str, str],
        gauges: Gauges,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.delivered = False  # the last push, with the run's end, has arrived
        self.flushed = 0  # the newest flush that was asked for and is done
        self.pushes = 0
        self.problem = ""
        self._gauges, self._clock = gauges, clock
        self._sink = _sink(settings)
        self._pusher = None if self._sink is None else Pusher(self._sink, group)
        self._schedule = Schedule(settings["interval"], clock())
        self._carries = (0, False)  # of the push in flight: the flush it answers, whether the end
        self._changes_seen = 0
        self._flush_seen = 0
        self._started = 0.0
        self._end_wanted = False
        self._refused_told = 0
        self._unsettled = False  # what an earlier push brought may yet replace the newest
        self._failing_since: float | None = None

    @property
    def url(self) -> str | None:
        return None if self._sink is None else self._sink.url

    def turn(self, intake: Intake, flush_asked: int, ended: bool) -> None:
        """Take what a push came to; start the next one if it is time."""
        if self._pusher is None:
            self.flushed, self.delivered = flush_asked, ended
            return
        now = self._clock()
        self._take_outcome(self._pusher, now)
        self._note_what_came(intake, flush_asked, now)
        if ended and not self._end_wanted:
            self._end_wanted = True
            self._schedule.due = now
        if self._pusher.busy:
            if ended and not self._carries[1] and now - self._started > _PATIENCE_AT_END:
                self._pusher.abort()
        elif now >= self._schedule.due and not self.delivered:
            self._push(self._pusher, intake, flush_asked, ended, now)

    @property
    def in_flight(self) -> bool:
        """Whether the gateway may still hear of a push."""
        return self._pusher is not None and self._pusher.in_flight

    @property
    def in_trouble(self) -> bool:
        """Whether the gateway has taken no push for so long that a person should know."""
        since = self._failing_since
        return since is not None and self._clock() - since > _TROUBLE_AFTER

    def supersede(self, group: dict[str, str]) -> None:
        """Remove the group of an earlier attempt, or of who had the run before."""
        if self._pusher is not None:
            self._pusher.superseded.append(group)

    def scrubbed(self, text: str) -> str:
        """The text without what only the gateway may know."""
        return text if self._sink is None else self._sink.scrubbed(text)

    def give_up(self) -> None:
        """End what is in flight."""
        if self._pusher is not None:
            self._pusher.abort()

    def _take_outcome(self, pusher: Pusher, now: float) -> None:
        outcome = pusher.outcome()
        if outcome is None:
            return
        account, end_waits = self._gauges.account, self._end_wanted and not self._carries[1]
        self._schedule.ended(now, outcome)
        account.interval = self._schedule.interval
        account.rejected = pusher.quarantined
        self._note_trouble(outcome, now)
        if outcome.ok:
            self._arrived(pusher, outcome, now)
        else:
            account.push_failures += 1
            self.problem = outcome.problem
            self._unsettled = self._unsettled or outcome.unsettled
        if self._end_wanted:  # the last seconds are short, however long the outage was
            self._schedule.due = min(self._schedule.due, now + _BETWEEN_LAST_TRIES)
        if end_waits:
            self._schedule.due = now
        elif self._flush_seen > self.flushed and outcome.ok:
            self._schedule.flush(now)

    def _arrived(self, pusher: Pusher, outcome: Outcome, now: float) -> None:
        self.pushes += 1
        self.problem = ""
        self._gauges.account.push_seconds = outcome.seconds
        self.flushed, self.delivered = self._carries
        if pusher.refused_ever > self._refused_told:
            self.delivered = False  # what was refused just now has to show there, once
            self._schedule.due = min(self._schedule.due, now + _BETWEEN_LAST_TRIES)
        elif self.delivered and self._unsettled:
            self.delivered = False  # once more
            self._schedule.due = now + _SETTLED_AFTER
        self._unsettled = False

    def _note_trouble(self, outcome: Outcome, now: float) -> None:
        """The first failure and the recovery go into sender.log, which is what stderr is here."""
        if outcome.ok and self._failing_since is not None:
            _log(f"{self.url} takes pushes again after {now - self._failing_since:.0f} s")
            self._failing_since = None
        elif not outcome.ok and (self._failing_since is None or outcome.problem != self.problem):
            self._failing_since = self._failing_since or now
            _log(f"{self.url} takes no push: {outcome.problem}")

    def _note_what_came(self, intake: Intake, flush_asked: int, now: float) -> None:
        if intake.reported:
            self._schedule.reported(now)
        if intake.changes > self._changes_seen:
            self._changes_seen = intake.changes
            self._schedule.changed(now)
        if flush_asked > self._flush_seen:
            self._flush_seen = flush_asked
            self._schedule.flush(now)

    def _push(
        self, pusher: Pusher, intake: Intake, flush_asked: int, ended: bool, now: float
    ) -> None:
        account = self._gauges.account
        account.interval = self._schedule.interval
        account.dropped = {**intake.dropped(), "quarantined": pusher.refused_ever}
        account.reports = intake.reports(account.dropped)
        self._refused_told = pusher.refused_ever
        families = self._gauges.families(time.time())
        self._carries, self._started = (flush_asked, ended), now
        self._schedule.started(now)
        pusher.start(families)


def _log(text: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(at, text, file=sys.stderr, flush=True)  # noqa: T201 - a log of a few lines


def _sink(settings: dict[str, Any]) -> Sink | None:
    if settings["mode"] != "online" or not settings["gateway"]:
        return None
    return sink_for(target_of(settings))


def target_of(settings: dict[str, Any]) -> Target:
    """Where the settings say that pushes go."""
    named = {
        key: settings[f"gateway_{key}"] or ""
        for key in ("username", "password_file", "token_file", "ca_file", "cert_file", "key_file")
    }
    return Target(url=settings["gateway"], **named)
