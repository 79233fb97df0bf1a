"""How long single calls take. Asked: subject, gateway, calls, burst, seconds, stopped, cold.

`burst` calls in a row, then a pause, until there are `calls` of them and `seconds` have passed:
the gateway is dead or alive all the while. One long burst is what a tight loop sees.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable
from time import perf_counter_ns

import lineup
from told import asked, end, place, tell

_PAUSE_S = 0.005
_LONG_S = 5.0
_ENOUGH = 1000  # calls, below which there is no 99.9th percentile


def main() -> None:
    spec = asked()
    subject = lineup.adapter(spec["subject"])(place(spec))
    loop = subject.loops[subject.label]
    if not spec.get("cold"):
        loop(min(2000, subject.calls))
        subject.settle(5)
    if spec.get("stopped"):
        os.kill(int(str(subject.told()["sender"])), signal.SIGSTOP)
    tell(**summary(timed(loop, spec["calls"], spec["burst"], spec["seconds"])))
    if "dropped" in subject.told():
        settled = spec.get("stopped") or spec.get("cold") or subject.settle(5)
        tell(dropped=subject.told()["dropped"] if settled else None)
    end()


def timed(loop: Callable[[int], None], calls: int, burst: int, seconds: float) -> list[int]:
    """What each took, in ns; a subject that takes seconds for a call does not make them all."""
    took: list[int] = []
    began, limit = time.monotonic(), max(_LONG_S, 2 * seconds)
    while len(took) < calls or time.monotonic() - began < seconds:
        for _ in range(burst):
            before = perf_counter_ns()
            loop(1)
            took.append(perf_counter_ns() - before)
            if time.monotonic() - began > limit:
                return took
        time.sleep(_PAUSE_S)
    return took


def summary(took: list[int]) -> dict[str, float]:
    ordered = sorted(took)
    found = {"calls": len(ordered), "p50": statistics.median(ordered) / 1000}
    if len(ordered) >= _ENOUGH:
        found["p99.9"] = ordered[int(0.999 * len(ordered))] / 1000
    return {**found, "max": ordered[-1] / 1000}


if __name__ == "__main__":
    main()
