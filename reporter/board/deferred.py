"""Reports whose values lie on a device, in their order, until they can be read."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reporter.board.devices import Reading

    Place = Callable[[str, float, int | None], None]
    Refuse = Callable[[str, Exception], None]

AT_A_CALL = 8  # what one report pays for; it adds one at most
AT_A_WAIT = 1024
OUTSTANDING = 16_384  # far more than any device runs behind


class Deferred:
    """First in, first out. Its owner holds a lock around every call.

    A plain value of a name that has values here is one of them, so that it does not overtake.
    """

    def __init__(self) -> None:
        self.reports: deque[tuple[str, float | Reading, int | None]] = deque()
        self._looking = False
        self._placing: object | None = None  # the report that counts as placed

    def add(self, name: str, value: float | Reading, step: int | None) -> bool:
        """False if there is no room for it."""
        if len(self.reports) >= OUTSTANDING:
            return False
        self.reports.append((name, value, step))
        return True

    def look(self, waits: bool, place: Place, refuse: Refuse) -> bool:
        """Place what can be read by now. True if nothing is left to wait for.

        A caller that waits may look at more of them, and also at what cannot tell.
        """
        if self._looking:  # a signal handler or a finalizer that reports in here
            return True
        try:
            self._looking = True
            for _ in range(AT_A_WAIT if waits else AT_A_CALL):
                if not self.reports or not self._place_oldest(waits, place, refuse):
                    break
        finally:
            self._looking = False
        return not self.reports

    def _place_oldest(self, waits: bool, place: Place, refuse: Refuse) -> bool:
        report = name, value, step = self.reports[0]
        try:
            found = _read(value, waits)
        except Exception as error:  # noqa: BLE001 - whatever a broken device raises
            if self._forget(report):
                refuse(name, error)
            return True
        if found is None or not self.reports or self.reports[0] is not report:
            return False  # in the last two cases the run ended meanwhile, which counted it
        self._placing = report  # at once: no signal handler may end the run between the two
        try:
            place(name, found, step)
            self._forget(report)  # behind it: an interrupt must not take a point that returned
        finally:
            self._placing = None
        if not isinstance(value, float):
            value.release()
        return True

    def _forget(self, report: tuple[Any, ...]) -> bool:
        """False if the run ended meanwhile, which counted it."""
        if self.reports and self.reports[0] is report:
            self.reports.popleft()
            return True
        return False

    def give_up(self) -> int:
        """How many are dropped, now that the run is over; one that is being placed is not."""
        lost = len(self.reports)
        if self.reports and self.reports[0] is self._placing:
            lost -= 1
        self.reports.clear()
        return lost

    def detach(self) -> None:
        """In a forked child: what the parent's device writes into is not ours to free."""
        _the_parents.append(self.reports)
        self.reports = deque()
        self._looking, self._placing = False, None


def _read(value: float | Reading, waits: bool) -> float | None:
    if isinstance(value, float):
        return value
    return value.read() if value.ready(waits) else None


_the_parents: list[object] = []
