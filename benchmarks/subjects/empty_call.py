"""A call that does nothing: what no report can be cheaper than."""

from __future__ import annotations

from itertools import repeat

from subject import Place, Subject


class EmptyCall(Subject):
    label = "empty call"
    calls = 100_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.report = _report
        self.loops = {"loop alone": _loop_alone, self.label: self.loop}

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True


def _report(name: str, value: float) -> None:
    pass


def _loop_alone(n: int) -> None:
    for _ in repeat(None, n):
        pass


SUBJECT = EmptyCall
