"""How long entering takes once the library is loaded: runs one after another. Asked: entries."""

import os
from time import perf_counter

from told import asked, tell

import reporter


def entered(folder: str) -> float:
    run = reporter.Reporter("benchmarks", mode="offline", dir=folder)
    began = perf_counter()
    run.__enter__()
    took = perf_counter() - began
    run.report_metric("loss", 0.37)
    run.finish()
    return took


def main() -> None:
    times = [entered(os.getcwd()) * 1000 for _ in range(asked()["entries"] + 1)]
    tell(ms=times[1:])


if __name__ == "__main__":
    main()
