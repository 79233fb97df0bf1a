"""One store into shared memory, and nothing that would tell a reader of it."""

from __future__ import annotations

import mmap

from subject import Place, Subject

_SLOTS = 16_384


class MappedStore(Subject):
    label = "mapped store"
    calls = 100_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        values = memoryview(mmap.mmap(-1, 8 * _SLOTS)).cast("d")
        index: dict[str, int] = {}

        def report(name: str, value: float) -> None:
            try:
                values[index[name]] = value
            except KeyError:
                index[name] = len(index)
                values[index[name]] = value

        self.report = report

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True


SUBJECT = MappedStore
