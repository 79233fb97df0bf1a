"""How long single calls take. Arguments: subject, label, calls."""

import json
import statistics
import sys
from array import array
from time import perf_counter_ns

import hot


def main() -> None:
    name, label, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
    (subject,) = hot.load((name,))
    loop = subject.loops[label]
    loop(2000)
    subject.settle()
    took = array("q", bytes(8 * calls))
    for k in range(calls):
        began = perf_counter_ns()
        loop(1)
        took[k] = perf_counter_ns() - began
    notes = subject.close()
    ordered = sorted(took)
    told = {
        "p50": statistics.median(ordered) / 1000,
        "p99.9": ordered[int(0.999 * calls)] / 1000,
        "max": ordered[-1] / 1000,
    }
    dropped = sum((notes.get("dropped") or {}).values())
    print(json.dumps({**told, "dropped": dropped}))


if __name__ == "__main__":
    main()
