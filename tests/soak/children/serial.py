"""One training process with run after run, which lives as long as the soak: it must not grow."""

from __future__ import annotations

import sys
import time

import reporter
from tests.soak.children.ledger import Ledger

REPORTS = 500


def main() -> None:
    ledger, seconds = Ledger(sys.argv[1]), float(sys.argv[2])
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with reporter.Reporter() as r:
            ledger.enter(r.run_id)
            for n in range(REPORTS):
                r.report_metric("loss", n, n)
            r.report_parameter("lr", 0.1)
            time.sleep(0.5)
    ledger.leave()


if __name__ == "__main__":
    main()
