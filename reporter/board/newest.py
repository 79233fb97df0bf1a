"""Reporting the newest values only: one store into a metric's slot on the board."""

from __future__ import annotations

from reporter.board.layout import NO_ROOM, Memory
from reporter.board.values import number, whole
from reporter.board.writer import Writer, check_name, nothing
from reporter.errors import ValueRefused

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Report = Callable[..., None]


class Newest(Writer):
    """Every report replaces the one before."""

    def __init__(self, memory: Memory, **options: Any) -> None:
        super().__init__(memory, **options)
        self.report_metric, self.handle, self.close_board = _hot_calls(self)

    def metric(self, name: str) -> Report:
        """A handle on one metric."""
        check_name("metric", name)
        with self.lock:
            tag = self.register(name) if self.live and not self.ended else 0
        return self.handle(name, tag) if tag else self._late_handle(name)

    def slow(self, name: str, value: Any, step: Any) -> None:
        """A new name, a value that needs care, or a run that ended."""
        if self.late():
            return
        known = isinstance(name, str) and name in self.tags
        try:
            value = number(check_name("metric", name), value)
            step = None if step is None else whole(name, step)
        except (OverflowError, ValueRefused) as error:
            if not known and isinstance(error, ValueRefused):
                raise
            self.bad(name, error, self.bad_word(error))
            return
        with self.lock:
            tag = self.register(name)
            if not tag:
                self.count(NO_ROOM)
                return
            self.memory.board_values[tag] = value
            if step is not None:
                self.memory.board_steps[tag] = step
        self.tend()

    def stop(self) -> None:
        with self.lock:
            self.ended = True
            self.close_board()
            self.tags.clear()  # by name, too, the store now fails

    def let_go(self) -> None:
        super().let_go()
        self.close_board = nothing

    def detach(self) -> None:
        super().detach()
        self.close_board()


def _hot_calls(
    newest: Newest,
) -> tuple[Report, Callable[[str, int], Report], Callable[[], None]]:
    """The calls that training code pays for."""
    values: Any = newest.memory.board_values
    steps: Any = newest.memory.board_steps
    index, slow = newest.tags, newest.slow

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

    def handle(name: str, tag: int) -> Report:
        def metric(value: Any, step: int | None = None) -> None:
            try:
                values[tag] = value
                if step is not None:
                    steps[tag] = step
            except Exception:  # noqa: BLE001 - as above
                slow(name, value, step)

        return metric

    return report_metric, handle, close_board
