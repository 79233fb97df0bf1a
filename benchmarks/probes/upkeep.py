"""What our sender costs with 100 metrics a second. Asked: gateway, seconds."""

import os
import time

import processes
from told import asked, tell

import reporter

METRICS = 100
RING = "memfd:run-reporter"


def report(run: reporter.Reporter, step: int) -> None:
    for k in range(METRICS):
        run.report_metric(f"metric {k}", step + 0.5 * k, step=step)


def main() -> None:
    spec = asked()
    with reporter.Reporter("benchmarks", gateway=spec["gateway"], dir=os.getcwd()) as run:
        report(run, 0)
        if not run.flush(10):
            raise RuntimeError("the gateway did not get the first values")
        time.sleep(1)
        pid = run.status()["sender"]
        before, began = processes.cpu_seconds(pid), time.monotonic()
        for second in range(1, spec["seconds"] + 1):
            report(run, second)
            time.sleep(max(0.0, began + second - time.monotonic()))
        used, passed = processes.cpu_seconds(pid) - before, time.monotonic() - began
        status = run.status()
        tell(cpu_percent=100 * used / passed, start_cpu_s=before)
        tell(private_mb=processes.private_mb(pid), ring_mb=processes.private_mb_of(pid, RING))
        tell(pushes=status["pushes"], dropped=sum(status["dropped"].values()))


if __name__ == "__main__":
    main()
