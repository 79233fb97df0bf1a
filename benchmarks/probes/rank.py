"""One rank of several: ten metrics each 50 ms. Asked: subject, gateway, rank, seconds.

It says that it is ready and begins when it reads a line, so that all begin together.
"""

import os
import statistics
import sys
import time
from time import perf_counter_ns

import lineup
import processes
from told import asked, end, place, tell

_EACH_S = 0.05


def main() -> None:
    spec, pid = asked(), os.getpid()
    subject = lineup.adapter(spec["subject"])(place(spec))
    pairs = [(f"metric_{k}", 0.5 * k) for k in range(10)]
    subject.report_round(pairs, 0)
    subject.settle(5)  # starting is told by other measures
    tell(ready=True)
    sys.stdin.readline()
    before, took = used(pid), []
    until, step = time.monotonic() + spec["seconds"], 0
    while time.monotonic() < until:
        step += 1
        began = perf_counter_ns()
        subject.report_round(pairs, step)
        took.append(perf_counter_ns() - began)
        time.sleep(_EACH_S)
    tell(us=statistics.median(took) / 1000, max_us=max(took) / 1000, reports=10 * step)
    tell(cpu_percent=100 * (used(pid) - before) / spec["seconds"])
    end()


def used(pid: int) -> float:
    """Processor time of the training process and of all that stems from it."""
    return sum(processes.cpu_seconds(each) for each in [pid, *processes.descendants(pid)])


if __name__ == "__main__":
    main()
