"""How long leaving takes. Asked: subject, gateway, reports."""

from collections.abc import Callable
from time import perf_counter

import lineup
from told import asked, end, place, tell


def main() -> None:
    spec = asked()
    subject = lineup.adapter(spec["subject"])(place(spec))
    reporting_s = report(subject.report, spec["reports"])
    tell(reported=spec["reports"], reporting_s=reporting_s)
    began = perf_counter()
    subject.leave()
    tell(s=perf_counter() - began, **subject.told())
    end()


def report(call: Callable[[str, float], None], reports: int) -> float:
    """How long they took; each second it tells how many there were."""
    began = told = perf_counter()
    for k in range(reports):
        call("loss", 0.37)
        if perf_counter() - told > 1:
            tell(reported=k + 1)
            told = perf_counter()
    return perf_counter() - began


if __name__ == "__main__":
    main()
