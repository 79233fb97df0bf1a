"""A training process whose daemonic multiprocessing child is a run of its own."""

from __future__ import annotations

import multiprocessing
import sys

import reporter


def work(way: str) -> None:
    if way == "scope":
        with reporter.Reporter(name="worker") as r:
            r.report_metric("loss", 0.37)
    else:
        reporter.report_metric("loss", 0.37)
        if way == "exception":
            raise ValueError("of the worker")


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    worker = context.Process(target=work, args=(sys.argv[2],), daemon=True)
    worker.start()
    worker.join()
