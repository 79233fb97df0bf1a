"""When values show at the other end. Asked: subject, gateway, changes, rounds.

The first value, `changes` later ones each reported once the one before has shown, then `rounds` of
ten metrics paced at 5 ms and one last value.
"""

import time
from time import perf_counter

import lineup
from gateways import Gateway
from told import asked, end, place, tell

_PATIENCE_S = 60.0
_NAP_S = 0.01
_EACH_S = 0.005
_FIRST = time.time_ns() % 80_000 + 10_000  # no value of another probe is taken for ours


def main() -> None:
    spec = asked()
    there = Gateway(spec["gateway"], spec["url"], spec["kind"])
    adapter, value = lineup.adapter(spec["subject"]), float(_FIRST)
    began = perf_counter()
    subject = adapter(place(spec))
    subject.report("delay", value)
    tell(first_s=shown(there, value) - began)
    later: list[float] = []
    for _ in range(spec["changes"]):
        value += 1
        began = perf_counter()
        subject.report("delay", value)
        later.append(shown(there, value) - began)
        tell(later_s=later)
    for step in range(spec["rounds"]):
        subject.report_round([(f"metric_{k}", 0.5 * k) for k in range(10)], step)
        time.sleep(_EACH_S)
    began = perf_counter()
    subject.report("delay", value + 1)
    tell(last_s=shown(there, value + 1) - began)
    subject.leave()
    tell(left=True)
    end()


def shown(there: Gateway, value: float) -> float:
    """When the value was seen."""
    until = perf_counter() + _PATIENCE_S
    while perf_counter() < until:
        if there.shows(value):
            return perf_counter()
        time.sleep(_NAP_S)
    raise RuntimeError(f"the value {value} did not show within {_PATIENCE_S:g} s")


if __name__ == "__main__":
    main()
