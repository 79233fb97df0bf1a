"""What having a subject takes: time to start, memory, threads, processes.

Asked: subject, gateway, reports.
"""

import multiprocessing  # noqa: F401 - what any adapter may need of the standard library is here
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy's threads are not the subject's

import sys
import tempfile  # noqa: F401
import threading  # noqa: F401
from time import perf_counter
from typing import Any

import lineup
import processes
from subject import Subject
from told import asked, end, place, tell

# Frameworks that lie in the environment for other measures: a subject that would import one, if
# there is one, is not charged for it.
sys.modules.update(dict.fromkeys(("torch", "keras", "lightning")))  # type: ignore[arg-type]


def main() -> None:
    spec, pid = asked(), os.getpid()
    memory = processes.shared_out_mb([pid])
    subject = started(spec)
    for _ in range(spec["reports"]):
        subject.report("loss", 0.37)
    subject.settle(10)
    processes.wait_until_idle(pid, 2)
    others = processes.descendants(pid)
    tell(
        mb=processes.shared_out_mb([pid, *others]) - memory,
        threads=processes.threads(pid) - 1,
        processes=len(others),
    )
    end()


def started(spec: dict[str, Any]) -> Subject:
    """The subject, once its first report is made."""
    began = perf_counter()
    adapter = lineup.adapter(spec["subject"])
    imported = perf_counter()
    subject = adapter(place(spec))
    opened = perf_counter()
    subject.report("loss", 0.37)
    first = perf_counter()
    tell(
        import_ms=(imported - began) * 1000,
        open_ms=(opened - imported) * 1000,
        first_ms=(first - opened) * 1000,
        ms=(first - began) * 1000,
    )
    return subject


if __name__ == "__main__":
    main()
