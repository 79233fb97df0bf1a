"""How long leaving takes. Arguments: gateway, reports, exit timeout, a folder."""

import json
import os
import signal
import sys
from time import perf_counter

import reporter


def main() -> None:
    gateway, reports, timeout, folder = sys.argv[1:5]
    run = reporter.Reporter("benchmarks", gateway=gateway, exit_timeout=timeout, dir=folder)
    run.__enter__()
    for step in range(int(reports)):
        run.report_metric("loss", 0.37, step=step)
    sender = run.status()["sender"]
    began = perf_counter()
    run.finish()
    took = perf_counter() - began
    status = run.status()
    if status["sender"] is not None:  # it would try for 10 s more, beside the next measurement
        os.kill(sender, signal.SIGKILL)
    dropped = sum(status["dropped"].values())
    told = {"s": took, "delivered": status["delivered"], "pushes": status["pushes"]}
    print(json.dumps({**told, "recorded": status["recorded"], "dropped": dropped}))


if __name__ == "__main__":
    main()
