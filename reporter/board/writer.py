"""The trainer's side of the shared memory, less the hot path: names, counts, end, fork."""

from __future__ import annotations

import struct
import threading

from reporter.board.deferred import Deferred
from reporter.board.devices import how_to_ask
from reporter.board.layout import (
    AFTER_END,
    BAD_VALUES,
    METRICS,
    NAMES_BYTES,
    NAMES_CUT,
    NAMES_END,
    NO_ROOM,
    OVERFLOWS,
    Memory,
)
from reporter.board.values import number, whole
from reporter.errors import NameRefused, ReporterError, ValueRefused
from reporter.names import NAME_LIMIT

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reporter.board.devices import Reading

    Report = Callable[..., None]
    Turn = Callable[[bool], None]  # makes a handle hot, or cold again

_NAME_HEAD = struct.Struct("<IH")


def cut_name(name: str) -> str:
    """The name as it is kept: a long one is cut, and stays unlike its neighbours."""
    if len(name) <= NAME_LIMIT:
        return name
    try:
        import hashlib  # noqa: PLC0415 - rare, and it costs milliseconds
    except (ImportError, OSError):  # no descriptor is left to load it
        return name[:NAME_LIMIT]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return name[: NAME_LIMIT - 9] + "~" + digest


def check_name(kind: str, name: Any) -> str:
    """The name itself, or NameRefused."""
    if not isinstance(name, str):
        raise NameRefused(f"{kind} name must be text, not {name!r} ({type(name).__name__})")
    if not name.strip():
        raise NameRefused(f"{kind} name is empty; give it a name such as 'loss'")
    return name


class Writer:
    """What the two ways of reporting share. Its subclasses own the hot path.

    A name is cold at first: its reports take the slow path. What that path places at once makes
    it hot; a value that lies on a device keeps it cold for good, since the hot path's store would
    wait for the device.
    """

    report_metric: Report
    handle: Callable[[str, int], tuple[Report, Turn]]
    place: Callable[[str, float, int | None], None]

    def __init__(
        self,
        memory: Memory,
        *,
        strict: bool = False,
        tend: Callable[[], None] = lambda: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.memory = memory
        self.strict = strict
        self.tend = tend
        self.warn = warn
        self.lock = threading.RLock()
        self.tags: dict[str, int] = {}
        self.handles: dict[str, tuple[Report, Turn]] = {}
        self.cold: set[str] = set()  # for good
        self.deferred = Deferred()
        self.live = True  # False in a forked copy
        self.ended = False
        self._registered: dict[str, int] = {}  # by the name as it is kept
        self._warned: set[str] = set()

    def register(self, name: str) -> int:
        """The tag of a name, made known to the sender first; 0 if there is no room for it.

        The caller holds the lock.
        """
        tag = self.tags.get(name)
        if tag is not None:
            return tag
        kept = cut_name(name)
        tag = self._registered.get(kept) or self._announce(kept)
        if tag:
            if kept != name:
                self.memory.words[NAMES_CUT] += 1
            self._registered[kept] = self.tags[name] = tag
        return tag

    def _announce(self, name: str) -> int:
        words, tag = self.memory.words, len(self._registered) + 1
        raw = name.encode("utf-8", "surrogatepass")
        end = words[NAMES_END]
        size = _NAME_HEAD.size + len(raw)
        if tag >= METRICS or end + size > NAMES_BYTES:
            return 0
        self.memory.names[end : end + size] = _NAME_HEAD.pack(tag, len(raw)) + raw
        words[NAMES_END] = end + size
        return tag

    def count(self, word: int, reports: int = 1) -> None:
        """Count reports that got no further, under the lock: the sum must be exact."""
        with self.lock:
            self.memory.words[word] += reports

    def metric(self, name: str) -> Report:
        """A handle on one metric."""
        check_name("metric", name)
        with self.lock:
            tag = self.register(name) if self.live and not self.ended else 0
            if not tag:
                return self._late_handle(name)
            known = self.handles.get(name)
            if known is None:
                known = self.handles[name] = self.handle(name, tag)
                known[1](self.is_hot(name))
            return known[0]  # another thread may end the run: `handles` is empty then

    def is_hot(self, name: str) -> bool:
        """Whether the name's reports take the hot path."""
        raise NotImplementedError

    def turn(self, name: str, tag: int | None) -> None:
        """Let the hot path know the name by its tag, or know it no more."""
        raise NotImplementedError

    def warm(self, name: str) -> None:
        """After a value that was placed at once."""
        with self.lock:
            tag = self.tags.get(name)
            if not tag or name in self.cold or self.ended:
                return
            if known := self.handles.get(name):
                known[1](True)
            self.turn(name, tag)  # last: it says that all of this is done

    def cool(self, name: str) -> None:
        """At a value that lies on a device."""
        if name in self.cold:
            return
        with self.lock:
            if len(self.cold) < METRICS:
                self.cold.add(name)
            if known := self.handles.get(name):
                known[1](False)
            self.turn(name, None)

    def checked(
        self, name: str, value: Any, step: Any
    ) -> tuple[float | Reading | None, int | None]:
        """What is kept of a report; no value if it was a later bad one."""
        known = isinstance(name, str) and (name in self.tags or name in self.cold)
        try:
            check_name("metric", name)
            ask = how_to_ask(value)
            if ask is None:
                value = number(name, value)
            step = None if step is None else whole(name, step)
            return (value if ask is None else ask(name, value)), step
        except (OverflowError, ValueRefused) as error:
            if not known and isinstance(error, ValueRefused):
                raise
            self.bad(name, error, self.bad_word(error))
        return None, None

    def defer(self, name: str, value: float | Reading, step: int | None) -> None:
        """Keep a report until what it says can be read, behind those that came before."""
        self.cool(name)
        with self.lock:
            if not self.late() and not self.deferred.add(name, value, step):
                self.count(NO_ROOM)

    def look(self, *, waits: bool = False) -> bool:
        """Place what can be read by now. True if nothing is left to wait for."""
        if not self.deferred.reports:
            return True

        def refuse(name: str, error: Exception) -> None:
            self.bad(name, error, self.bad_word(error), here=not waits)

        with self.lock:
            return self.deferred.look(waits, self.place, refuse)

    def bad(self, name: str, error: Exception, word: int | None, *, here: bool = True) -> None:
        """A later bad value under a known name: dropped, counted, warned of once.

        Not `here`: no report is under way that it could be raised at.
        """
        if word is not None:
            self.count(word)
        if self.strict and here:
            if isinstance(error, ReporterError):
                raise error
            raise ValueRefused(f"metric {name!r}: {error}") from error
        if name not in self._warned and len(self._warned) < METRICS:
            self._warned.add(name)
            told = error if isinstance(error, ReporterError) else f"metric {name!r}: {error}"
            self.warn(f"{told}; dropped and counted, here and from now on without a word")

    def late(self) -> bool:
        """Whether the run is over for this call, which is then counted."""
        if not self.live:
            return True
        if self.ended:
            self.count(AFTER_END)
            if "" not in self._warned:
                self._warned.add("")
                self.warn("a report came after the run had ended; it is dropped and counted")
            return True
        return False

    def _late_handle(self, name: str) -> Callable[..., None]:
        """For a name that has no tag: there is no room for it, or the run is over."""
        return lambda value, step=None: self.slow(name, value, step)

    def slow(self, name: str, value: Any, step: Any) -> None:
        """What the hot path does not take."""
        raise NotImplementedError

    def bad_word(self, error: Exception) -> int:
        return OVERFLOWS if isinstance(error, OverflowError) else BAD_VALUES

    def stop(self) -> None:
        """Accept no report from now on."""
        raise NotImplementedError

    def give_up_deferred(self) -> None:
        """Count what never became readable; the caller holds the lock, and ends the run."""
        lost = self.deferred.give_up()
        if lost:
            self.count(BAD_VALUES, lost)
            self.warn(
                f"{lost} values lay on a device that had not computed them when the run ended;"
                " they are dropped and counted"
            )

    def let_go(self) -> None:
        """After the end keep nothing that keeps us: memory must not wait for garbage collection."""
        self.tend = self.report_metric = nothing
        self.handle = _no_handle
        self.handles.clear()

    def detach(self) -> None:
        """Become inert, in a forked child: handles too, and no lock that the parent held."""
        self.live = False
        self.lock = threading.RLock()
        self.tags.clear()
        self.deferred.detach()


def nothing(*_: object) -> None:
    pass


def _no_handle(_name: str, _tag: int) -> tuple[Report, Turn]:
    return nothing, nothing


def read_names(memory: Memory, start: int) -> tuple[list[tuple[int, str]], int]:
    """The names announced from byte `start` on, and where to go on; the sender's side."""
    found, end = [], memory.words[NAMES_END]
    while start < end:
        tag, length = _NAME_HEAD.unpack_from(memory.names, start)
        start += _NAME_HEAD.size
        found.append(
            (tag, bytes(memory.names[start : start + length]).decode("utf-8", "surrogatepass"))
        )
        start += length
    return found, start
