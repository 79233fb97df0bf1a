"""A training process that sets itself a limit (`AS 40000000`) and then trains."""

from __future__ import annotations

import resource
import sys

import reporter

if sys.argv[1:]:
    limit = getattr(resource, f"RLIMIT_{sys.argv[1]}")
    resource.setrlimit(limit, (int(sys.argv[2]),) * 2)
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    for n in range(1000):
        r.report_metric("loss", n, n)
    r.report_metric("of-bad-value", 1)
    r.report_metric("of-bad-value", "text")
    r.milestone("trained")
sys.stdout.write(f"trained {r.status()['record'] is not None}\n")
