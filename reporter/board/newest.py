"""Reporting the newest values only: one store into a metric's slot on the board."""

from __future__ import annotations

from reporter.board.layout import NO_ROOM, Memory
from reporter.board.writer import Writer, nothing

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reporter.board.writer import Report, Turn


class Newest(Writer):
    """Every report replaces the one before."""

    def __init__(self, memory: Memory, **options: Any) -> None:
        super().__init__(memory, **options)
        self.index: dict[str, int] = {}  # of what is hot
        self.report_metric, self.handle, self.close_board = _hot_calls(self)

    def is_hot(self, name: str) -> bool:
        return name in self.index

    def turn(self, name: str, tag: int | None) -> None:
        if tag is None:
            self.index.pop(name, None)
        else:
            self.index[name] = tag

    def slow(self, name: str, value: Any, step: Any) -> None:
        """A cold name, a value that needs care, or a run that ended."""
        if self.late():
            return
        value, step = self.checked(name, value, step)
        if value is None:
            return
        self.tend()
        if type(value) is not float or (self.deferred.reports and name in self.cold):
            self.defer(name, value, step)
        else:
            self.place(name, value, step)
            if name not in self.index:
                self.warm(name)
        self.look()

    def place(self, name: str, value: float, step: int | None) -> None:
        """Store it, with a name that the sender knows."""
        with self.lock:
            if self.late():
                return
            tag = self.register(name)
            if not tag:
                self.count(NO_ROOM)
                return
            self.memory.board_values[tag] = value
            if step is not None:
                self.memory.board_steps[tag] = step

    def stop(self) -> None:
        with self.lock:
            self.give_up_deferred()
            self.ended = True
            self.close_board()
            self.index.clear()  # by name, too, the store now fails

    def let_go(self) -> None:
        super().let_go()
        self.close_board = nothing

    def detach(self) -> None:
        super().detach()
        self.close_board()
        self.index.clear()


def _hot_calls(
    newest: Newest,
) -> tuple[Report, Callable[[str, int], tuple[Report, Turn]], Callable[[], None]]:
    """The calls that training code pays for."""
    values: Any = newest.memory.board_values
    steps: Any = newest.memory.board_steps
    index, slow = newest.index, newest.slow

    def close_board() -> None:
        nonlocal values, steps
        values = steps = ()  # storing into it fails, and that leads to the slow path

    # Defaults are locals, which cost less than free variables; a stray fourth argument fails in
    # the store, and the slow path then does without it.
    def report_metric(
        name: str, value: Any, step: int | None = None, _values: Any = values, _index: Any = index
    ) -> None:
        try:
            if step is None:
                _values[_index[name]] = value
                return
            i = _index[name]
            _values[i] = value
            steps[i] = step
            return
        except Exception:  # noqa: BLE001 - a new name, a bad value or an end: the slow path tells
            slow(name, value, step)

    def handle(name: str, tag: int) -> tuple[Report, Turn]:
        at: int | None = None  # storing there fails before the value is looked at

        def turn(hot: bool) -> None:
            nonlocal at
            at = tag if hot else None

        def metric(value: Any, step: int | None = None) -> None:
            try:
                values[at] = value
                if step is not None:
                    steps[at] = step
            except Exception:  # noqa: BLE001 - as above
                slow(name, value, step)

        return metric, turn

    return report_metric, handle, close_board
