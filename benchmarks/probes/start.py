"""What a script pays before its first report. Arguments: subprocess or reporter, a folder."""

import sys
from time import perf_counter

before = set(sys.modules)
began = perf_counter()
if sys.argv[1] == "subprocess":
    import subprocess  # noqa: F401

    took, entered = perf_counter() - began, None
else:
    import reporter

    imported = perf_counter() - began
    entered = reporter.Reporter("benchmarks", mode="offline", dir=sys.argv[2]).__enter__()
    took = perf_counter() - began
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
foreign = sorted(tops - sys.stdlib_module_names - {"reporter"})
told = {"ms": took * 1000, "foreign": foreign}
if entered is not None:
    told["import_ms"] = imported * 1000
    entered.finish()

import json  # noqa: E402 - not before the clock has stopped

print(json.dumps(told))
