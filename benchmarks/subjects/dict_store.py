"""A store into a dict: the floor that every report is set against."""

from __future__ import annotations

from subject import Place, Subject


class DictStore(Subject):
    label = "dict store"
    calls = 100_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        last: dict[str, float] = {}

        def report(name: str, value: float) -> None:
            last[name] = value

        self.report = report

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True


SUBJECT = DictStore
