"""A training process that says when it trains, and deals with SIGTERM as its argument says."""

from __future__ import annotations

import os
import signal
import sys
import time

import reporter


def leave(*_: object) -> None:
    sys.exit(int(sys.argv[1]))


if len(sys.argv) > 1:
    signal.signal(signal.SIGTERM, leave)
reporter.report_metric("loss", 0.37)
reporter.flush()
os.write(1, b"training\n")
while True:
    time.sleep(0.01)
