"""The sender process: wait, take, record, push, account; and an end that is bounded and honest."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from typing import Any

from reporter.board import layout, messages
from reporter.names import State
from reporter.record import events
from reporter.record.events import Event
from reporter.run.wrapper import Line
from reporter.sender.artifacts import Artifacts
from reporter.sender.delivery import Delivery
from reporter.sender.facts import EnvironmentFacts
from reporter.sender.gauges import SHOWN_BY, Gauges
from reporter.sender.intake import Intake
from reporter.sender.machine.sampler import Sampler
from reporter.sender.recorder import Recorder
from reporter.sender.syncer import Syncer

TURN = 0.1
_CLOSING_TURN = 0.01
_LINGER = 10.0
_STRAGGLERS = 1.0  # how long a report that has claimed its slot may take to fill it
_SIGTERM_MEANT = 60.0  # a trainer that dies later than this after it, died of something else
_STATUS_EVERY = 1.0
_TRACEBACKS = 20
_HANDED_WITHIN = 1.5
_SIGTERM_TAKES = 0.2  # whoever ends every process reaches the trainer first, perhaps
_WRAPPER_SAYS_WITHIN = 2.0  # of the trainer's death


def run(brief: dict[str, Any], memory: int, trainer: int, events_fd: int | None) -> None:
    """Be the sender until the run is over and delivered, or cannot be."""
    sender = Sender(brief, layout.attach(memory), trainer, events_fd)
    signal.signal(signal.SIGTERM, sender.terminated)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))  # blocked by our entry
    sender.run()
    # Not sys.exit: a thread that waits for a dead gateway or disk must not keep us.
    os._exit(0)


class Sender:
    """Owns the parts and their order; each part is a module of this room."""

    def __init__(
        self, brief: dict[str, Any], memory: layout.Memory, trainer: int, events_fd: int | None
    ) -> None:
        self._settings, self._run = brief["settings"], brief["run"]
        self._memory, self._trainer = memory, trainer
        self._recorder = Recorder(brief, memory, events_fd)
        _log_into(self._recorder)
        self._gauges = _gauges(brief)
        self._artifacts = Artifacts(self._recorder.folder and self._recorder.paths.artifacts)
        self._delivery = Delivery(self._settings, self._run["group"], self._gauges)
        self._begin(brief["supersedes"])
        fed = (self._recorder, self._gauges, self._artifacts)
        self._intake = Intake(memory, *fed, keep_points=self._settings["points"])
        for asked in self._recorder.unfinished_files:
            self._artifacts.add(asked)
        self._syncer = Syncer(self._recorder.sync)
        self._environment = EnvironmentFacts(brief)
        seen = self._delivery.url is not None  # else nobody would look at what is read
        every = self._settings["sample_interval"] if seen else 0.0
        self._sampler = Sampler(self._run["pid"], every, os.environ)
        self._wrapper = Line(brief["wrapper"], self._who_we_are())
        self._dead = self._closed = self._handed = False
        self._sigterm_at = float("-inf")
        self._notice = ""
        self._over_at: float | None = None
        self._status_due = 0.0
        self._errors = 0

    def terminated(self, *_: object) -> None:
        """SIGTERM: whoever stops the trainer told us too. What it means, the trainer's end says."""
        self._sigterm_at = time.monotonic()

    def run(self) -> None:
        """Turn after turn, until the end is delivered or its time is over."""
        poll = select.poll()
        poll.register(self._trainer, select.POLLIN)
        self._memory.words[layout.PHASE] = layout.PHASE_RUNNING
        while not self._finished():
            wait = TURN if self._over_at is None else _CLOSING_TURN
            if self._dead:
                time.sleep(wait)  # the descriptor stays readable: polling it would spin
            elif poll.poll(wait * 1000):
                self._dead = True
            try:
                self._turn()
            except Exception:  # noqa: BLE001 - a bug of ours must not cost the run its history
                self._note_error()
        self._end_of_delivery()

    def _turn(self) -> None:
        end = self._said()  # before taking: what came before it is taken
        flush_asked = self._memory.words[layout.FLUSH_ASKED]
        over = end is not None or self._dead
        if over and self._over_at is None:  # first of all: from here on our time is limited
            self._over_at = time.monotonic()
        self._intake.turn(final=self._dead)
        self._take_artifacts()
        self._take_environment()
        self._gauges.machine = self._sampler.newest()
        if self._handed:
            self._record_pace(last=True)
            return
        if over and not self._closed:
            self._close_when_quiet(end)
        self._deliver(flush_asked)
        self._syncer.turn()
        if time.monotonic() >= self._status_due:
            self._intake.write_board()
            if not self._closed:
                self._record_pace()
            self._show_status()

    def _who_we_are(self) -> dict[str, Any]:
        """What a wrapper should know of this sender."""
        run, settings = self._run, self._settings
        gateway = settings["gateway"] if settings["mode"] == "online" else None
        ours = {"record": self._recorder.folder, "group": run["group"], "gateway": gateway}
        return {**ours, "trainer": run["pid"], "rank": run["rank"]}

    def _said(self) -> dict[str, Any] | None:
        """The Reporter's last word; one that it is not sure of counts once its process is gone."""
        end = messages.read_end(self._memory)
        if end is not None and end.get("unsure") and not self._dead:
            return None
        self._handed = end is not None and bool(end.get("handed"))
        return end

    def _deliver(self, flush_asked: int) -> None:
        known, words = self._delivery.problem, self._memory.words
        self._delivery.turn(self._intake, flush_asked, self._closed)
        words[layout.TROUBLE] = self._delivery.in_trouble
        if self._delivery.problem != known:
            self._status_due = 0.0  # whoever leaves now should read why
        if self._delivery.flushed > words[layout.FLUSHED] and not self._artifacts.busy:
            self._intake.write_board()
            self._syncer.soon()
            self._show_status()  # whoever waited for this may ask for it next
            words[layout.FLUSHED] = self._delivery.flushed

    def _take_artifacts(self) -> None:
        for event in self._artifacts.done():
            self._recorder.event(event)
            self._artifacts.forget(event)
            problem = event.fields.get("problem")
            if problem:
                self._notice = f"file {event.fields['name']!r}: {problem}"
                self._status_due = 0.0

    def _begin(self, supersedes: dict[str, str] | None) -> None:
        recorder, run, now = self._recorder, self._run, time.time()
        self._gauges.retell(recorder.earlier, recorder.earlier_newest(), now)
        kept = {name: self._settings[name] for name in SHOWN_BY}
        recorder.facts({**self._gauges.facts, **run, "attempt": recorder.attempt, "settings": kept})
        for group in (supersedes, recorder.earlier_group):
            if group not in (None, run["group"]):
                self._delivery.supersede(group)
        if recorder.taken_over:
            recorder.event(Event(now, events.SENDER, {"taken_over": True}))
            return
        told = {"attempt": recorder.attempt, "token": run["token"], "group": run["group"]}
        self._gauges.apply(recorder.event(Event(run["started"], events.START, told)))

    def _take_environment(self) -> None:
        found = None if self._closed else self._environment.news()
        if found is None:
            return
        self._recorder.facts_soon({"environment": found})
        self._gauges.facts["git_commit"] = str(found.get("git", {}).get("commit", ""))

    def _close_when_quiet(self, end: dict[str, Any] | None) -> None:
        """The run is over; reports that are still on their way get a moment."""
        waited = time.monotonic() - (self._over_at or 0.0)
        if not self._dead and self._intake.unfinished() and waited < _STRAGGLERS:
            return
        end = self._settled(end, waited)
        if end is None:
            return
        self._intake.turn(final=True)
        self._environment.wait(0.5)
        self._take_environment()
        self._intake.write_board()
        self._record_end(end)
        self._syncer.soon()  # beside the last push: a slow disk must not hold it up
        self._closed = True
        self._memory.words[layout.PHASE] = layout.PHASE_CLOSED
        self._status_due = 0.0

    def _settled(self, end: dict[str, Any] | None, waited: float) -> dict[str, Any] | None:
        """How the run ended; None while a wrapper may still say so."""
        if end and not end.pop("unsure", False):
            return end
        seen = self._wrapper.heard()
        if seen is not None and seen.pop("guess", False) and end:
            return end  # of another process, and so no better than what the run itself said
        if seen is None and self._wrapper.open and waited < _WRAPPER_SAYS_WITHIN:
            return None
        if seen or end:
            return seen or end
        return None if waited < _SIGTERM_TAKES else self._end_without_a_word()

    def _record_end(self, end: dict[str, Any]) -> None:
        self._sampler.stop()
        self._recorder.event(Event(time.time(), events.DROPPED, self._intake.dropped()))
        self._record_pace(last=True)
        if not self._gauges.ended:
            told = self._recorder.event(Event(self._intake.now(), events.END, end))
            self._gauges.apply(told)
        if self._settings["on_finish"] == "delete":
            self._gauges.shorten_lease()

    def _record_pace(self, *, last: bool = False) -> None:
        """While the run goes on, too: whoever continues it counts on, however it has ended."""
        told = self._gauges.paced.news(time.monotonic(), last=last)
        if told is not None:
            self._recorder.note(Event(time.time(), events.PACE, told))

    def _end_without_a_word(self) -> dict[str, Any]:
        if time.monotonic() - self._sigterm_at < _SIGTERM_MEANT:
            return {"state": int(State.CANCELLED), "reason": "terminated", "detail": "SIGTERM"}
        return {"state": int(State.FAILED), "reason": "died", "detail": ""}

    def _finished(self) -> bool:
        if self._over_at is None:
            return False
        if self._handed:  # what is in flight now would undo what the next sender says
            waited = time.monotonic() - self._over_at
            return not self._delivery.in_flight or waited > _HANDED_WITHIN
        if self._delivery.delivered and not self._syncer.busy and not self._artifacts.busy:
            return True
        longest = float(self._settings["exit_timeout"]) + _LINGER
        return time.monotonic() - self._over_at > longest

    def _end_of_delivery(self) -> None:
        self._artifacts.give_up()
        self._take_artifacts()
        if self._delivery.delivered and self._delivery.url is not None:
            self._recorder.event(Event(time.time(), events.DELIVERED, {"to": self._delivery.url}))
        self._delivery.give_up()
        self._show_status()
        self._recorder.close()
        if self._delivery.delivered:
            self._memory.words[layout.PHASE] = layout.PHASE_DELIVERED

    def _show_status(self) -> None:
        self._status_due = time.monotonic() + _STATUS_EVERY
        dropped = self._intake.dropped()
        status = {
            "record": self._recorder.folder,
            "notice": self._notice or self._recorder.notice,
            "gateway": self._delivery.url,
            "pushes": self._delivery.pushes,
            "push_failures": self._gauges.account.push_failures,
            "problem": self._delivery.problem,
            "delivered": self._delivery.delivered,
            "closed": self._closed,
            "recorded": self._memory.words[layout.RECORDED],
            "dropped": {reason: n for reason, n in dropped.items() if n},
        }
        messages.write_status(self._memory, status)

    def _note_error(self) -> None:
        self._errors += 1
        if self._errors <= _TRACEBACKS:
            sys.stderr.write(self._delivery.scrubbed(traceback.format_exc()))
            sys.stderr.flush()
        time.sleep(min(1.0, 0.01 * self._errors))


def _gauges(brief: dict[str, Any]) -> Gauges:
    given = ("parameter_prefix", "series_limit", "lease")
    return Gauges(brief["facts"], **{name: brief["settings"][name] for name in given})


def _log_into(recorder: Recorder) -> None:
    """What we print goes beside the record: nobody waits for the trainer's own streams to close."""
    if recorder.folder is None:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    try:
        descriptor = os.open(recorder.paths.log, flags, 0o600)
    except OSError:
        return
    os.dup2(descriptor, 2)
    os.close(descriptor)
