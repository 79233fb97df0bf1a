"""The standard library's queue between processes, with a consumer that drops what it takes."""

from __future__ import annotations

import multiprocessing
from typing import Any

from subject import PATIENCE_S, Place, Subject, wait_for


class QueuePut(Subject):
    label = "Queue.put"
    calls = 10_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue()
        self._consumer = context.Process(target=_drain, args=(self._queue,), daemon=True)
        self._consumer.start()

    def report(self, name: str, value: float) -> None:
        self._queue.put((name, value))

    def settle(self, limit: float = PATIENCE_S) -> bool:
        return wait_for(lambda: self._queue.qsize() == 0, limit)

    def leave(self) -> None:
        self._queue.put(None)
        self._consumer.join()
        self._queue.close()


def _drain(queue: Any) -> None:
    while queue.get() is not None:
        pass


SUBJECT = QueuePut
