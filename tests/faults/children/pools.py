"""A training process whose pool of workers reports, a run for each of them."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import sys

import reporter


def work(n: int) -> int:
    reporter.report_metric("loss", n)
    return n


if __name__ == "__main__":
    pool = multiprocessing.get_context(sys.argv[1]).Pool(1)
    assert pool.map(work, range(3)) == [0, 1, 2]
    if sys.argv[2] == "terminated":
        # In the middle of a task: between two it holds a lock that no other worker would get.
        death = os.pidfd_open(pool.apply(os.getpid))
        pool.apply_async(signal.raise_signal, (signal.SIGTERM,))
        select.select([death], [], [])
        pool.terminate()
    pool.close()
    pool.join()
