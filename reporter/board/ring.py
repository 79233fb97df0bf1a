"""Reporting with every point kept: the hot path claims a slot of the ring and fills it.

One step of an iterator hands out a slot, and its end is the slow path: no lock, no cursor, no
clock. Between the claim and the last store there is no call and no backward jump, so CPython
switches no thread and runs no signal handler there (a test looks at the bytecode).
"""

from __future__ import annotations

import itertools
import sys
from collections import deque

from reporter.board.devices import how_to_ask
from reporter.board.layout import BAD, NO_ROOM, OVERFLOW, POINTS, TAIL, TAKEN, VOID, Memory
from reporter.board.values import number, whole
from reporter.board.writer import Writer, nothing
from reporter.errors import ValueRefused

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from reporter.board.writer import Report, Turn

FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()
LEASE = POINTS // 64
_TEND_EVERY = 4096


def lease_of(start: int, end: int) -> Iterator[int]:
    """Hands out each slot once, to whichever thread asks."""
    if FREE_THREADED:  # a range's iterator hands out duplicates there; count is compare-and-swap
        return itertools.takewhile(end.__gt__, itertools.count(start))
    return iter(range(start, end))


class Ring(Writer):
    """Every report becomes a point; when the ring is full, the newest value goes to the board."""

    def __init__(self, memory: Memory, **options: Any) -> None:
        super().__init__(memory, **options)
        self.plain: dict[str, int] = {}
        self.stepped: dict[str, int] = {}
        # Slots leased so far and the newest lease, in one store: no signal falls between them.
        self.state: tuple[int, Iterator[int]] = (0, iter(()))
        self.full_at: int | None = None  # the TAIL at which no room was found
        self.busy = False
        self.parked: deque[tuple[str, float, int | None]] = deque()
        self.dropped = 0
        self.report_metric, self.handle, self.install = _hot_calls(self)

    def is_hot(self, name: str) -> bool:
        return name in self.plain

    def turn(self, name: str, tag: int | None) -> None:
        if tag is None:
            self.plain.pop(name, None)
            self.stepped.pop(name, None)
        else:
            self.stepped[name] = -tag
            self.plain[name] = tag

    def slow(self, name: str, value: Any, step: Any) -> None:
        """A cold name, a lease used up, a full ring, an odd value, or a run that ended."""
        if self.late():
            return
        tag = self.tags.get(name) if isinstance(name, str) else None
        if tag is None or type(value) is not float or step is not None:
            value, step = self.checked(name, value, step)
            if value is None:
                return
        if type(value) is not float or (self.deferred.reports and name in self.cold):
            self.tend()
            self.defer(name, value, step)
            self.look()
            return
        if tag is not None and self.full_at == self.memory.words[TAIL] and not FREE_THREADED:
            # In line: a call between these stores would be a place to switch threads.
            memory = self.memory
            memory.board_values[tag] = value
            if step is not None:
                memory.board_steps[tag] = step
            memory.board_since[tag] = self.state[0]
            memory.board_drops[tag] += 1
            self.dropped += 1
            if self.dropped % _TEND_EVERY == 0:
                self.tend()
            return
        self.tend()  # first: it needs the most of the stack, and what is placed has returned
        self.place(name, value, step)
        if name not in self.plain:
            self.warm(name)
        self.look()

    def place(self, name: str, value: float, step: int | None) -> None:
        with self.lock:
            if self.busy:  # a signal handler or a finalizer that reports inside place()
                self.parked.append((name, value, step))
                return
            try:
                self.busy = True
                self._place(name, value, step)
                self._place_parked()
            finally:
                self.busy = False

    def _place_parked(self) -> None:
        while self.parked:
            self._place(*self.parked[0])
            self.parked.popleft()  # behind it: an interrupt must not take a point that returned

    def _place(self, name: str, value: float, step: int | None) -> None:
        if self.late():
            return
        tag = self.register(name)
        if not tag:
            self.count(NO_ROOM)
            return
        values, steps, tags = self.memory.values, self.memory.steps, self.memory.tags
        while True:
            self.install(self.state[1])  # before the claim: after the commit nothing may raise
            for i in self.state[1]:
                # In line, as in the hot path: entering a function is where a signal may raise.
                values[i] = value
                if step is not None:
                    steps[i] = step
                tags[i] = tag if step is None else -tag
                return
            if not self._lease_more():
                self._drop(tag, value, step)
                return

    def _lease_more(self) -> bool:
        words, taken = self.memory.words, self.state[0]
        tail = words[TAIL]
        room = tail + POINTS - taken
        if room <= 0:
            self.full_at = tail
            return False
        start = taken % POINTS
        size = min(LEASE, room, POINTS - start)
        if taken < POINTS:  # the first lap
            self.memory.make_ready(start, size)
        lease = lease_of(start, start + size)
        # Neighbouring stores: a call between them would be a place to be interrupted.
        words[TAKEN] = taken + size
        self.state = (taken + size, lease)
        return True

    def _drop(self, tag: int, value: float, step: int | None) -> None:
        memory = self.memory
        memory.board_values[tag] = value
        if step is not None:
            memory.board_steps[tag] = step
        memory.board_since[tag] = self.state[0]
        memory.board_drops[tag] += 1

    def mend(self, at: dict[str, Any], error: BaseException) -> bool | None:
        """After an exception in the hot path: True if that settled it, False if it is not ours.

        None sends a cold name to the slow path. A claimed slot must never stay empty: the
        sender would wait for it.
        """
        at.pop("error", None)  # it leads back to `at` by its traceback
        if "i" not in at:
            return None if isinstance(error, (KeyError, TypeError)) else False
        memory, i, name, mark = self.memory, at["i"], at["name"], VOID
        try:
            if not isinstance(error, Exception):
                return False
            if at["values"] is None and self._must_wait(name, at["value"]):
                return None
            value, step = number(name, at["value"]), at["step"]
            if step is not None:
                memory.steps[i] = step = whole(name, step)
            memory.values[i] = value
            mark = self.tags[name] if step is None else -self.tags[name]
        except (OverflowError, ValueRefused) as refused:
            mark = OVERFLOW if isinstance(refused, OverflowError) else BAD
            error = refused
        finally:
            memory.tags[i] = (
                mark  # the slot's only mark: once it is there, the slot is the sender's
            )
            at["i"] = None
        try:
            if mark in (OVERFLOW, BAD):
                self.bad(name, error, None)  # the sender counts the slot's mark
                return True
        finally:
            del error  # it leads back to this frame by its traceback
        if at["values"] is None:
            self.warm(name)
        return True

    def _must_wait(self, name: str, value: Any) -> bool:
        """Whether a cold handle's value must not be read or placed at once."""
        return name in self.cold or how_to_ask(value) is not None

    def abandon(self, at: dict[str, Any]) -> None:
        """`mend` was itself interrupted, perhaps before it marked the slot."""
        i = at.get("i")
        if i is not None:
            self.memory.tags[i] = VOID

    def stop(self) -> None:
        with self.lock:
            if not self.busy:
                self._place_parked()
            self.give_up_deferred()
            self.ended = True
            for i in self.state[1]:  # so that every slot below TAKEN says what it is
                self.memory.tags[i] = VOID
            self.install(iter(()))

    def let_go(self) -> None:
        super().let_go()
        self.install = nothing

    def detach(self) -> None:
        super().detach()
        self.state = (0, iter(()))
        self.install(iter(()))
        self.plain.clear()
        self.stepped.clear()
        self.parked.clear()
        self.full_at = None


def _hot_calls(  # noqa: C901, PLR0915 - the hot path is written out: a call would cost half of it
    ring: Ring,
) -> tuple[Report, Callable[[str, int], tuple[Report, Turn]], Callable[[Iterator[int]], None]]:
    """The calls that training code pays for, over one lease that they share."""
    values, steps, tags = ring.memory.values, ring.memory.steps, ring.memory.tags
    plain, stepped = ring.plain, ring.stepped
    rare = ring.slow, ring.mend, ring.abandon
    lease: Iterator[int] = iter(())

    def install(new: Iterator[int]) -> None:
        nonlocal lease
        lease = new

    def report_metric(name: str, value: Any, step: int | None = None) -> None:
        try:
            if step is None:
                tag = plain[name]
                for i in lease:  # the claim
                    values[i] = value
                    tags[i] = tag  # the commit
                    return
            else:
                tag = stepped[name]
                for i in lease:
                    values[i] = value
                    steps[i] = step
                    tags[i] = tag
                    return
        except BaseException as error:
            at = None
            try:
                at = locals()
                mended = rare[1](at, error)
            except BaseException:
                rare[2](at or locals())
                raise
            if mended:
                return
            if mended is False:
                raise
        rare[0](name, value, step)

    ring_values = values

    def handle(name: str, tag: int) -> tuple[Report, Turn]:
        tag_with_step = -tag
        values: Any = None  # storing into it fails, which leads to the slow path

        def turn(hot: bool) -> None:
            nonlocal values
            values = ring_values if hot else None

        def metric(value: Any, step: int | None = None) -> None:
            try:
                if step is None:
                    for i in lease:
                        values[i] = value
                        tags[i] = tag
                        return
                else:
                    for i in lease:
                        values[i] = value
                        steps[i] = step
                        tags[i] = tag_with_step
                        return
            except BaseException as error:
                at = None
                try:
                    at = locals()
                    mended = rare[1](at, error)
                except BaseException:
                    rare[2](at or locals())
                    raise
                if mended:
                    return
                if mended is False:
                    raise
            rare[0](name, value, step)

        return metric, turn

    return report_metric, handle, install
