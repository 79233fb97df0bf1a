"""A training process that forks again and again while its threads report."""

from __future__ import annotations

import itertools
import os
import select
import sys
import threading
import warnings

import reporter

FORKS, PATIENCE_MS = 200, 5000


def train(r: reporter.Reporter, k: int) -> None:
    for n in itertools.count():
        if done.is_set():
            return
        r.report_metric(f"loss-{k}", n, n)
        r.report_metric(f"name-{k}-{n % 2000}", n)
        r.report_parameter(f"parameter-{k}", n)


def exits_in_time(r: reporter.Reporter, orderly: bool) -> bool:
    child = os.fork()
    if not child:
        r.report_metric("loss-0", -1)
        r.report_metric("of-the-child", -1)
        r.report_parameter("parameter-0", -1)
        r.finish()
        if orderly:
            sys.exit(0)
        os._exit(0)
    death = select.poll()
    death.register(os.pidfd_open(child), select.POLLIN)
    if not death.poll(PATIENCE_MS):
        os.kill(child, 9)
    return os.waitpid(child, 0)[1] == 0


warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on, at forks beside threads
done = threading.Event()
with reporter.Reporter() as r:
    threads = [threading.Thread(target=train, args=(r, k)) for k in range(2)]
    for each in threads:
        each.start()
    in_time = [exits_in_time(r, orderly=n % 8 == 0) for n in range(FORKS)]
    done.set()
    for each in threads:
        each.join()
sys.stdout.write(f"{sum(in_time)} of {FORKS}\n")
