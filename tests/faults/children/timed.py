"""A training process that says how long its reports, its flush and leaving took."""

from __future__ import annotations

import json
import sys
import time

import reporter


def seconds_since(moment: float) -> float:
    return round(time.monotonic() - moment, 3)


with reporter.Reporter(parameters={"lr": 0.1}) as r:
    began = time.monotonic()
    for n in range(20_000):
        r.report_metric("loss", n, n)
    reporting = seconds_since(began)
    flushed = r.flush(20)
    r.report_metric("loss", 20_000)
    began = time.monotonic()
status = {key: r.status()[key] for key in ("delivered", "closed", "recorded", "dropped")}
sys.stdout.write(json.dumps([reporting, flushed, seconds_since(began), status]) + "\n")
