"""Pushes one group at a time in a thread of its own, and finds out which family is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from reporter.sender.background import Background
from reporter.sinks.base import Family, Outcome, Sink

_QUARANTINE = 600.0
_MOST_REQUESTS = 200


class Pusher:
    """One push in flight. `on_done` is called, in the pusher's thread, when it is over."""

    def __init__(
        self,
        sink: Sink,
        group: Mapping[str, str],
        on_done: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._group = dict(group)
        self._on_done = on_done
        self._clock = clock
        self._thread: Background | None = None
        self._outcome: Outcome | None = None
        self._quarantined: dict[str, float] = {}  # family: when to try it again
        self.refused_ever = 0
        self.superseded: list[Mapping[str, str]] = []  # groups of ours to remove first

    @property
    def busy(self) -> bool:
        """Whether a push is in flight, or its outcome has not been taken."""
        return self._thread is not None

    @property
    def in_flight(self) -> bool:
        """Whether the gateway may still hear of the push."""
        return self._thread is not None and self._outcome is None

    @property
    def quarantined(self) -> int:
        return len(self._quarantined)

    def start(self, families: Sequence[Family]) -> None:
        """Push these families, and only these, as the group."""
        if self._thread is not None:
            raise RuntimeError("a push is in flight")
        self._outcome = None
        self._thread = Background(partial(self._run, families), "push")
        try:
            self._thread.start()
        except RuntimeError as error:  # the machine lets us have no more threads
            self._outcome = Outcome(ok=False, problem=str(error))

    def outcome(self) -> Outcome | None:
        """The outcome of the push once it is over; once."""
        if self._thread is None or self._outcome is None:
            return None
        outcome, self._outcome, self._thread = self._outcome, None, None
        return outcome

    def abort(self) -> None:
        """End the push in flight."""
        self._sink.abort()

    def _run(self, families: Sequence[Family]) -> None:
        started = self._clock()
        try:
            outcome = self._push(families)
        except Exception as error:  # noqa: BLE001 - the sender must outlive any bug of a sink
            problem = self._sink.scrubbed(f"{type(error).__name__}: {error}")
            outcome = Outcome(ok=False, problem=problem)
        self._outcome = replace(outcome, seconds=self._clock() - started)
        self._on_done()

    def _push(self, families: Sequence[Family]) -> Outcome:
        now = self._clock()
        self.superseded = [each for each in self.superseded if not self._sink.delete(each).ok]
        self._quarantined = {f: t for f, t in self._quarantined.items() if t > now}
        outcome = self._sink.replace(self._group, self._good(families))
        if not outcome.refused:
            return outcome
        refused = self._find_refused(self._good(families))
        if not refused:
            return outcome
        self.refused_ever += len(refused)
        self._quarantined.update(dict.fromkeys(refused, now + _QUARANTINE))
        return self._sink.replace(self._group, self._good(families))

    def _good(self, families: Sequence[Family]) -> list[Family]:
        return [f for f in families if f.name not in self._quarantined]

    def _find_refused(self, families: Sequence[Family]) -> list[str]:
        """Which families the gateway refuses, by halves. A POST adds and never removes."""
        refused: list[str] = []
        suspects, requests, accepted = [list(families)], 0, False
        while suspects and requests < _MOST_REQUESTS:
            part = suspects.pop()
            requests += 1
            outcome = self._sink.add(self._group, part)
            if outcome.ok:
                accepted = True
                continue
            if not outcome.refused:
                return []  # the gateway went away: the next push will tell
            if len(part) == 1:
                refused.append(part[0].name)
            else:
                middle = len(part) // 2
                suspects += [part[middle:], part[:middle]]
        # A gateway that refuses everything is not one that dislikes a family.
        return refused if accepted else []
