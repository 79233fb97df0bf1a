"""A training process with many threads that report as fast as they can."""

from __future__ import annotations

import sys
import threading

import reporter

threads, reports = int(sys.argv[1]), int(sys.argv[2])


def train(r: reporter.Reporter, k: int, start: threading.Barrier) -> None:
    own, shared = r.metric(f"own-{k}"), r.metric("shared")
    start.wait()
    for n in range(reports // 4):
        own(n)
        shared(k, n)
        r.report_metric(f"own-{k}", n + 0.5, n)
        r.report_metric("shared", k)


with reporter.Reporter() as r:
    barrier = threading.Barrier(threads)
    all_of_them = [threading.Thread(target=train, args=(r, k, barrier)) for k in range(threads)]
    for each in all_of_them:
        each.start()
    for each in all_of_them:
        each.join()
    r.report_metric("shared", -1)
