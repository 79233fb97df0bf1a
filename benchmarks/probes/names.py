"""How a report's cost grows with the number of names. Asked: subject, gateway, counts."""

import os
from collections.abc import Callable
from time import perf_counter

import lineup
from told import asked, end, place, tell

_CALLS = 2000
_LONG_S = 2.0


def main() -> None:
    spec = asked()
    subject = lineup.adapter(spec["subject"])(place(spec))
    (floor,) = lineup.opened([lineup.FLOOR], os.getcwd())
    steady: dict[str, dict[str, float]] = {}
    known = 0
    for count in spec["counts"]:
        fresh = [f"metric_{k}" for k in range(known, count)]
        first = timed(subject.report, fresh) / len(fresh)
        known = count
        names = [f"metric_{k}" for k in range(count)]
        subject.settle(1)
        passes = max(3, _CALLS // count)
        beside = repeated(floor.report, names, passes)
        each = repeated(subject.report, names, passes)
        steady[str(count)] = {"first_us": first * 1e6, "us": each * 1e6, "dict_us": beside * 1e6}
        tell(names=steady)
    end()


def repeated(report: Callable[[str, float], None], names: list[str], passes: int) -> float:
    """Seconds of a call, over some passes or a while of them."""
    calls, spent = 0, 0.0
    for _ in range(passes):
        spent += timed(report, names)
        calls += len(names)
        if spent > _LONG_S:
            break
    return spent / calls


def timed(report: Callable[[str, float], None], names: list[str]) -> float:
    began = perf_counter()
    for name in names:
        report(name, 0.37)
    return perf_counter() - began


if __name__ == "__main__":
    main()
