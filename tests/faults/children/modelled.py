"""A training process that does what a model tells it, one call a line, and ends as it is told."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import reporter


def step_of(value: int) -> int | None:
    """The step that goes with a value; the model knows the same rule."""
    return None if value % 3 == 0 else value


def burst(r: reporter.Reporter, name: str, first: int, count: int) -> None:
    for value in range(first, first + count):
        r.report_metric(name, value, step_of(value))


def bad(r: reporter.Reporter, name: str) -> bool:
    """Report what is no number; whether it was refused at this line."""
    try:
        r.report_metric(name, "text")
    except reporter.ValueRefused:
        return True
    return False


def parameter(r: reporter.Reporter, name: str, value: int) -> None:
    r.report_parameter(name, value)


def fork(r: reporter.Reporter, way: str) -> int:
    """A child that reports and ends in a way of its own; its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    r.report_metric("loss", -1)
    r.report_metric("of the child", -1)
    r.report_parameter("lr", -1)
    if way == "finish":
        r.finish()
    if way == "os._exit":
        os._exit(0)
    if way == "exception":
        break_down()
    sys.exit(0)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def break_down() -> None:
    raise ValueError("no")


CALLS: dict[str, Callable[..., Any]] = {
    "burst": burst,
    "bad": bad,
    "parameter": parameter,
    "fork": fork,
    "flush": lambda r, timeout: r.flush(timeout),
    "status": lambda r: r.status(),
    "finish": lambda r: r.finish(),
    "fail": lambda r: r.fail("no data"),
}
WAYS: dict[str, Callable[[], object]] = {
    "returned": lambda: None,
    "exception": break_down,
    "exit-0": lambda: sys.exit(0),
    "exit-3": lambda: sys.exit(3),
    "interrupt": interrupt,
    "os._exit": lambda: os._exit(0),
}


def answer(found: Any) -> None:
    sys.stdout.write(json.dumps(found, default=str) + "\n")
    sys.stdout.flush()


def told() -> Iterator[list[Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
    with reporter.Reporter() as r:
        answer([r.run_id, r.status()["sender"]])
        for call, *arguments in told():
            if call == "leave":
                WAYS[arguments[0]]()
                break
            answer(CALLS[call](r, *arguments))


if __name__ == "__main__":
    main()
