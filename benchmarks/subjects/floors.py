"""What any report costs at least: a call, a dict store, one store into shared memory."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from itertools import repeat


class Floors:
    """Loops of `n` calls each; nothing here has anything to settle."""

    calls = 100_000

    def __init__(self) -> None:
        self._mapping = mmap.mmap(-1, 4096)
        self.loops = {
            "loop alone": _loop_alone,
            "empty call": _empty_call,
            "dict store": _dict_store,
            "mapped double": _mapped_double(self._mapping),
        }

    def settle(self) -> None:
        """Nothing is outstanding."""

    def close(self) -> dict[str, object]:
        return {}


def _loop_alone(n: int) -> None:
    for _ in repeat(None, n):
        pass


def _empty_call(n: int) -> None:
    def report(name: str, value: float) -> None:
        pass

    for _ in repeat(None, n):
        report("loss", 0.37)


def _dict_store(n: int) -> None:
    last: dict[str, float] = {}

    def report(name: str, value: float) -> None:
        last[name] = value

    for _ in repeat(None, n):
        report("loss", 0.37)


def _mapped_double(mapping: mmap.mmap) -> Callable[[int], None]:
    values = memoryview(mapping).cast("d")
    index = {"loss": 7}

    def report(name: str, value: float) -> None:
        values[index[name]] = value

    def loop(n: int) -> None:
        for _ in repeat(None, n):
            report("loss", 0.37)

    return loop


SUBJECT = Floors
