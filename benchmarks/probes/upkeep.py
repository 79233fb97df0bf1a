"""What the sender costs with 100 metrics. Arguments: gateway, seconds, metrics, a folder."""

import json
import os
import sys
import time

import reporter

RING = "memfd:run-reporter"


def cpu_seconds(pid: int) -> float:
    """User and system time, of ended threads too."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_memory(pid: int) -> tuple[float, float]:
    """Private megabytes in all, and those of the ring: pages that only the sender has touched."""
    whole = ring = 0
    mapping = ""
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            head, _, rest = line.partition(" ")
            if not head.endswith(":"):
                mapping = rest
            elif head in ("Private_Clean:", "Private_Dirty:"):
                kilobytes = int(rest.split()[0])
                whole += kilobytes
                ring += kilobytes * (RING in mapping)
    return whole * 1024 / 1e6, ring * 1024 / 1e6


def report(run: reporter.Reporter, metrics: int, step: int) -> None:
    for k in range(metrics):
        run.report_metric(f"metric {k}", step + 0.5 * k, step=step)


def main() -> None:
    gateway, seconds, metrics = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with reporter.Reporter("benchmarks", gateway=gateway, dir=sys.argv[4]) as run:
        report(run, metrics, 0)
        if not run.flush(10):
            raise RuntimeError("the gateway did not get the first values")
        time.sleep(1)
        pid = run.status()["sender"]
        before, began = cpu_seconds(pid), time.monotonic()
        for second in range(1, seconds + 1):
            report(run, metrics, second)
            time.sleep(max(0.0, began + second - time.monotonic()))
        used, passed = cpu_seconds(pid) - before, time.monotonic() - began
        whole, ring = private_memory(pid)
        status = run.status()
    told = {"cpu_percent": 100 * used / passed, "start_cpu_s": before, "private_mb": whole}
    told |= {"ring_mb": ring, "pushes": status["pushes"]}
    print(json.dumps({**told, "dropped": sum(status["dropped"].values())}))


if __name__ == "__main__":
    main()
