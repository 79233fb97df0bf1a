"""A training process that forks in the middle of a report: in a value, and in a signal handler."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys

import reporter


class Evaluated:
    """A value that is computed when it is asked for, by a worker."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        worker = context.Process(target=r.report_metric, args=("loss", -1))
        worker.start()
        worker.join()
        return self.value


def save_a_checkpoint(*_: object) -> None:
    """As some programs do it: in a child, so that training need not wait."""
    child = os.fork()
    if not child:
        r.report_metric("loss", -1)
        r.report_metric("of-the-child", -1)
        r.report_parameter("lr", -1)
        os._exit(0)
    children.append(child)


context = multiprocessing.get_context("fork")
children: list[int] = []
with reporter.Reporter() as r:
    for n in range(5):
        r.report_metric("evaluated", Evaluated(float(n)), n)
    signal.signal(signal.SIGALRM, save_a_checkpoint)
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    for n in itertools.count():
        r.report_metric("loss", n)
        r.report_metric(f"name-{n % 5000}", n)
        r.report_parameter("n", n)
        if len(children) >= int(sys.argv[1]):
            break
    signal.setitimer(signal.ITIMER_REAL, 0)
    failed = [code for child in children if (code := os.waitpid(child, 0)[1])]
sys.stdout.write(f"{n} {len(children)} {len(failed)}\n")
