"""A program that trains in a sub-interpreter."""

from __future__ import annotations

import importlib
import sys
from typing import Any

TRAINING = """
import sys
import reporter
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    for n in range(10):
        r.report_metric("loss", n, n)
sys.stdout.write("trained\\n")
sys.stdout.flush()
"""


def module() -> Any:
    names = ("_interpreters", "_xxsubinterpreters")
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(names)


interpreters = module()
shared: dict[str, Any] = {"isolated": False} if sys.version_info < (3, 13) else {"config": "legacy"}
kind = shared if sys.argv[1:] == ["shared"] else {}
one = interpreters.create(**kind)
problem = interpreters.run_string(one, TRAINING)
interpreters.destroy(one)
sys.stdout.write(f"{problem}\n")
