"""A training process that forks after its run has ended and before its sender has seen that."""

from __future__ import annotations

import os
import signal

import reporter

with reporter.Reporter() as r:
    r.report_metric("loss", 1)
    r.flush()
    sender = r.status()["sender"]
    os.kill(sender, signal.SIGSTOP)
    r.finish()
    child = os.fork()
    if not child:
        r.report_metric("loss", -1)
        r.report_parameter("lr", -1)
        os._exit(0)
    os.waitpid(child, 0)
    os.kill(sender, signal.SIGCONT)
