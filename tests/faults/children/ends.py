"""A training process that reports a little and ends in the way that its argument names."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import reporter


def raise_(error: BaseException) -> NoReturn:
    raise error


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


def tell_all_to_end(r: reporter.Reporter) -> None:
    r.flush()  # the sender is up, and listens
    os.kill(r.status()["sender"], signal.SIGTERM)
    kill(signal.SIGTERM)


def leave_a_worker_behind() -> None:
    worker = os.fork()
    if not worker:
        os.close(1)
        os.close(2)
        sys.stdin.read()  # until the test closes it
        os._exit(0)
    os.write(1, b"%d\n" % worker)
    kill(signal.SIGKILL)


IN_SCOPE: dict[str, Callable[[reporter.Reporter], object]] = {
    "returned": lambda _: None,
    "os._exit": lambda _: os._exit(3),
    "segfault": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "exception": lambda _: raise_(ValueError("no")),
    "exit-0": lambda _: sys.exit(0),
    "exit-none": lambda _: sys.exit(),
    "exit-3": lambda _: sys.exit(3),
    "exit-text": lambda _: sys.exit("no"),
    "interrupt": lambda _: kill(signal.SIGINT),
    "cancelled": lambda _: raise_(asyncio.CancelledError()),
    "sigterm": lambda _: kill(signal.SIGTERM),
    "sigterm-to-all": tell_all_to_end,
    "sigkill": lambda _: kill(signal.SIGKILL),
    "worker-left": lambda _: leave_a_worker_behind(),
    "fail": lambda r: r.fail("no data"),
    "finish": lambda r: r.finish(),
}
MODULE_LEVEL: dict[str, Callable[[], object]] = {
    "module-end": lambda: None,
    "module-exit-4": lambda: sys.exit(4),
    "module-exception": lambda: raise_(ValueError("no")),
    "module-sigkill": lambda: kill(signal.SIGKILL),
}

LEAKED: dict[str, Callable[[], object]] = {
    "leaked": lambda: None,
    "leaked-exception": lambda: raise_(ValueError("no")),
}

way = sys.argv[1]
if way in LEAKED:
    leaked = reporter.Reporter(parameters={"lr": 0.1})
    leaked.__enter__().report_metric("loss", 0.37)
    del leaked
    LEAKED[way]()
elif way in MODULE_LEVEL:
    reporter.report_parameter("lr", 0.1)
    reporter.report_metric("loss", 0.37)
    MODULE_LEVEL[way]()
else:
    with reporter.Reporter(parameters={"lr": 0.1}) as r:
        r.report_metric("loss", 0.37)
        IN_SCOPE[way](r)
