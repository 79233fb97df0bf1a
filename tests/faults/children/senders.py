"""A training process whose sender is stopped, or killed, while it reports points or parameters.

Where it is stopped, the seconds that the reports took are written.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import reporter

way, reports, parameters = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

with reporter.Reporter() as r:
    r.report_parameter("lr", 0.1)
    report = r.metric("count")
    for n in range(1000):
        report(n)
    r.flush()
    sender = r.status()["sender"]
    os.kill(sender, signal.SIGSTOP if way == "stopped" else signal.SIGKILL)
    began = time.monotonic()
    for n in range(1000, reports):
        report(n, n)
    took = time.monotonic() - began
    for n in range(parameters):
        r.report_parameter("depth", n)
        r.report_parameter("other", f"{n}")
    r.report_parameter("epsilon", 0.2)
    if way == "stopped":
        sys.stdout.write(f"{took:.3f}\n")
        os.kill(sender, signal.SIGCONT)
