"""The standard library's queue between processes, with a consumer that drains it."""

from __future__ import annotations

import multiprocessing
import time
from itertools import repeat
from typing import Any


class Queue:
    """`settle` waits until the consumer has taken all that was put."""

    calls = 10_000

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Any = context.Queue()
        self._taken: Any = context.Value("q", 0, lock=False)
        self._put = 0
        self._consumer = context.Process(target=_drain, args=(self._queue, self._taken))
        self._consumer.daemon = True
        self._consumer.start()
        self.loops = {"Queue.put": self._loop}
        self._loop(1)
        self.settle()

    def _loop(self, n: int) -> None:
        self._put += n
        queue = self._queue
        for _ in repeat(None, n):
            queue.put(("loss", 0.37))

    def settle(self) -> None:
        until = time.monotonic() + 60
        while self._taken.value < self._put:
            if time.monotonic() > until:
                raise RuntimeError("the consumer did not take what was put within a minute")
            time.sleep(0.002)

    def close(self) -> dict[str, object]:
        self._queue.put(None)
        self._consumer.join(10)
        self._queue.close()
        return {}


def _drain(queue: Any, taken: Any) -> None:
    while queue.get() is not None:
        taken.value += 1


SUBJECT = Queue
