"""Takes everything out of the shared memory, in order, into the record and the gauges."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from reporter.board import messages
from reporter.board.layout import (
    AFTER_END,
    BAD_VALUES,
    EVENTS_NOT_RECORDED,
    MESSAGES_END,
    MESSAGES_LOST,
    MESSAGES_TAIL,
    NAMES_CUT,
    NO_ROOM,
    NOT_RECORDED,
    OVER_RECORD_LIMIT,
    OVERFLOWS,
    PROGRESS_DONE,
    PROGRESS_TOTAL,
    RECORDED,
    SLOTS_BAD,
    SLOTS_OVERFLOWED,
    Memory,
)
from reporter.board.reader import Reader
from reporter.board.writer import read_names
from reporter.names import POINT_DROPS
from reporter.record import events
from reporter.record.events import Event
from reporter.sender.artifacts import Artifacts
from reporter.sender.gauges import Gauges
from reporter.sender.recorder import Recorder

_UNCERTAIN_AFTER = 1.0


class Intake:
    """One turn of it: names, messages, points. Nothing is handed back before it is recorded."""

    def __init__(
        self,
        memory: Memory,
        recorder: Recorder,
        gauges: Gauges,
        artifacts: Artifacts,
        *,
        keep_points: bool,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reported = False  # whether any value has come
        self.changes = 0  # parameters, stages and the like that have come
        self._memory, self._recorder, self._gauges = memory, recorder, gauges
        self._artifacts = artifacts
        self._reader = Reader(memory, recorder.recorded_to)
        self._names: dict[int, str] = {}
        self._names_read = 0
        self._keep_points = keep_points
        self._clock, self._monotonic = clock, monotonic
        # What waits at the first turn may be as old as the run.
        self._last_turn = monotonic() - max(0.0, clock() - recorder.run_started)
        self._last_time = 0.0
        self._board: dict[int, tuple[float, int | None]] = {}
        self._board_written: dict[int, tuple[float, int | None]] = {}

    def turn(self, final: bool = False) -> None:
        """Take what is there. With `final` nobody writes any more."""
        now = self._monotonic()
        uncertain, self._last_turn = now - self._last_turn > _UNCERTAIN_AFTER, now
        self._take_names()
        self._take_messages()
        if self._keep_points:
            if final or self._reader.waiting():
                self._take_points(uncertain, final)
            self._take_board(self._reader.board())
        else:
            self._take_board(self._reader.newest())
        done, total = self._memory.floats[PROGRESS_DONE], self._memory.floats[PROGRESS_TOTAL]
        if total > 0:
            self._gauges.progress = (done, total)
        self._gauges.paced.read(self._memory.floats, self._clock())

    def unfinished(self) -> bool:
        """Whether a report is on its way into a slot that it has claimed."""
        return self._keep_points and self._reader.unfinished()

    def write_board(self) -> None:
        """Record the newest values that no recorded point tells, where they changed."""
        for tag, (value, step) in self._board.items():
            if _differ(self._board_written.get(tag), (value, step)):
                self._recorder.newest(tag, value, step)
        self._board_written = dict(self._board)

    def dropped(self) -> dict[str, int]:
        """What was lost on the way to the record and the gateway, by reason."""
        words = self._memory.words
        ring = self._reader.ring_drops() if self._keep_points else 0
        return {
            "ring_full": ring + words[NO_ROOM],
            "bad_value": words[BAD_VALUES] + words[SLOTS_BAD],
            "overflow": words[OVERFLOWS] + words[SLOTS_OVERFLOWED],
            "after_end": words[AFTER_END],
            "record_limit": words[OVER_RECORD_LIMIT],
            "record_error": words[NOT_RECORDED],
            "series_limit": self._gauges.over_limit,
            "name_too_long": words[NAMES_CUT] + self._gauges.values_cut,
            "message_lost": words[MESSAGES_LOST] + words[EVENTS_NOT_RECORDED],
        }

    def reports(self, dropped: dict[str, int]) -> int | None:
        """How many reports were made; unknown where no history is kept."""
        if not self._keep_points:
            return None
        lost = sum(dropped.get(reason, 0) for reason in POINT_DROPS)
        return self._memory.words[RECORDED] + lost

    def now(self) -> float:
        """The time, or the newest one that the run knows of if the clock was set back since."""
        self._last_time = max(self._last_time, self._recorder.latest, self._clock())
        return self._last_time

    def _take_names(self) -> None:
        found, read_to = read_names(self._memory, self._names_read)
        for tag, name in found:
            self._names[tag] = name
            self._recorder.name(tag, name)
        self._names_read = read_to  # only now: where memory ran out, they are read again
        self._reader.tag_limit = len(self._names) + 1

    def _take_messages(self) -> None:
        words = self._memory.words
        if words[MESSAGES_END] == words[MESSAGES_TAIL]:
            return
        found, position = messages.receive(self._memory)
        for at, message in found:
            if not message.keys() >= {"e", "t"}:
                # Memory that somebody overwrote must not keep the end from us.
                words[EVENTS_NOT_RECORDED] += 1
            elif at > self._recorder.message_position:
                self._take_message({**message, "n": at})
        messages.hand_back(self._memory, position)

    def _take_message(self, message: dict[str, Any]) -> None:
        kind, when = message.pop("e"), message.pop("t")
        if kind == events.ARTIFACT:
            # First of all said, so that a successor takes it up if we die amid the copy.
            self._recorder.note(Event(when, events.ARTIFACT_ASKED, message))
            self._artifacts.add(message)
            return
        self._gauges.apply(self._recorder.event(Event(when, kind, message)))
        self.changes += kind != events.NOTE

    def _take_points(self, uncertain: bool, final: bool) -> None:
        for block in self._reader.blocks(final):
            self._take_names()  # again: one may have come since, with its first point
            now = self.now()
            # First what may be done twice, and then at once the two that must not be: memory may
            # run out between any of them.
            last = self._gauges.newest.take(block.tags, block.values, block.steps, self._names, now)
            self._recorder.block(block, now, uncertain)
            self._reader.hand_back(block.span)
            for tag, k in last.items():
                self._reader.saw(tag, block.position(k))
                self._board.pop(tag, None)
                self._board_written.pop(tag, None)  # in the record, these points come behind it
            self.reported = self.reported or bool(block.tags)

    def _take_board(self, rows: Any) -> None:
        for tag, value, step in rows:
            if tag in self._names and _differ(self._board.get(tag), (value, step)):
                self._board[tag] = (value, step)
                self._gauges.newest.set(self._names[tag], value, step, self.now())
                self.reported = True


def _differ(one: object, other: object) -> bool:
    """A NaN differs from itself, which would be news each time."""
    return one != other and repr(one) != repr(other)
