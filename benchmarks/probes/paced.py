"""Ten metrics once each 5 ms, in blocks, one subject after another.

Asked: subjects, gateway, blocks, rounds of a block.
"""

import os
import statistics
import time
from time import perf_counter_ns

import lineup
from subject import Subject
from told import asked, end, tell

METRICS = 10
EACH_S = 0.005


def main() -> None:
    spec = asked()
    names = spec["subjects"]
    subjects = lineup.opened(names, os.getcwd(), spec.get("gateway"))
    for each in subjects:  # names are new once
        each.report_round(pairs(0), 0)
    found: dict[str, list[float]] = {name: [] for name in names}
    longest: dict[str, float] = dict.fromkeys(names, 0.0)
    for number in range(spec["blocks"]):
        for k in range(len(names)):
            at = (number + k) % len(names)
            took = block(subjects[at], spec["rounds"], number)
            found[names[at]].append(statistics.median(took) / 1000)
            longest[names[at]] = max(longest[names[at]], max(took) / 1000)
            subjects[at].settle(5)
    tell(us=found, longest_us=longest)
    end()


def block(subject: Subject, rounds: int, number: int) -> list[int]:
    """What each round took, in ns; a round that is late begins at once."""
    took = []
    for step in range(number * rounds, (number + 1) * rounds):
        values = pairs(step)
        began = perf_counter_ns()
        subject.report_round(values, step)
        took.append(perf_counter_ns() - began)
        time.sleep(max(0.0, EACH_S - took[-1] / 1e9))
    return took


def pairs(step: int) -> list[tuple[str, float]]:
    return [(f"metric_{k}", step + 0.5 * k) for k in range(METRICS)]


if __name__ == "__main__":
    main()
