"""A training process that reports 0, 1, 2, … until it is killed.

How many reports have returned is in a file that outlives it, at every moment.
"""

from __future__ import annotations

import itertools
import mmap
import sys
import time

import reporter

path, pause = sys.argv[1], float(sys.argv[2])
with open(path, "r+b") as file:
    returned = memoryview(mmap.mmap(file.fileno(), 8)).cast("Q")
with reporter.Reporter() as r:
    sys.stdout.write("entered\n")
    sys.stdout.flush()
    for k in itertools.count():
        r.report_metric("count", k, k)
        returned[0] = k + 1
        if pause:
            time.sleep(pause)
