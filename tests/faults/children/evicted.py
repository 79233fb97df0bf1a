"""A training process that is told to end, takes a moment for it, and leaves in good order."""

from __future__ import annotations

import os
import signal
import threading

import reporter

told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
with reporter.Reporter() as r:
    r.report_metric("loss", 1)
    r.flush()
    os.write(1, b"%d\n" % r.status()["sender"])
    while not told.wait(0.01):
        pass
    r.report_metric("loss", 2)
    threading.Event().wait(1)  # it saves a checkpoint
    r.report_metric("loss", 3)
