"""What a script pays before its first report. Asked: kind, subprocess or reporter."""

import sys
from time import perf_counter

before = set(sys.modules)
reporter_is_meant = '"reporter"' in sys.argv[1]  # json is not to be loaded yet
began = perf_counter()
if reporter_is_meant:
    import reporter

    imported = perf_counter() - began
    entered = reporter.Reporter("benchmarks", mode="offline").__enter__()
else:
    import subprocess  # noqa: F401
took = perf_counter() - began
tops = {name.partition(".")[0] for name in set(sys.modules) - before}

from told import tell  # noqa: E402 - not before the clock has stopped

foreign = sorted(tops - sys.stdlib_module_names - {"reporter"})
tell(ms=took * 1000, foreign=foreign)
if reporter_is_meant:
    tell(import_ms=imported * 1000)
    entered.finish()
