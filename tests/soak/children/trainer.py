"""A training process of the soak: it reports what its ledger says, until it is to leave.

python trainer.py LEDGER PLAN, where the plan says for how long, how fast and how it leaves.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import reporter
from tests.soak.children.ledger import Ledger

FLOOD = 300_000  # more than the ring holds
STAGES = ("warm-up", "train", "validate")


class Training:
    """What happens in one scope."""

    def __init__(self, r: reporter.Reporter, ledger: Ledger, plan: dict[str, Any]) -> None:
        self._r, self._ledger, self._plan = r, ledger, plan
        self._random = random.Random(plan["seed"])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._train_beside)
        # What else happens, and how often of a thousand turns.
        self._seldom: tuple[tuple[int, Callable[[], None]], ...] = (
            (30, self._validate), (20, self._set_parameter), (10, self._report_no_number),
            (6, self._enter_stage), (4, self._keep_file), (3, self._fork), (1, self._flood),
        )  # fmt: skip

    def run(self) -> None:
        until = time.monotonic() + float(self._plan["seconds"])
        self._thread.start()
        while time.monotonic() < until:
            self._report("loss", self._random.randint(1, int(self._plan["burst"])))
            for share, happen in self._seldom:
                if self._random.random() * 1000 < share:
                    happen()
            self._over.wait(self._random.random() * float(self._plan["pause"]))
        self._over.set()
        self._thread.join()

    def _report(self, name: str, count: int) -> None:
        first = self._ledger.begin(name, count)
        for n in range(first, first + count):
            self._r.report_metric(name, n, n)
            self._ledger.done(name)

    def _train_beside(self) -> None:
        beside = self._r.metric("beside")
        while not self._over.wait(0.01):
            n = self._ledger.begin("beside")
            beside(n, n)
            self._ledger.done("beside")

    def _validate(self) -> None:
        self._report("val/loss", 1)

    def _flood(self) -> None:
        if self._plan["floods"]:
            self._report("loss", FLOOD)

    def _set_parameter(self) -> None:
        n = self._ledger.begin("turn")
        self._r.report_parameter("turn", n)
        self._ledger.done("turn")

    def _report_no_number(self) -> None:
        self._ledger.begin("no number")
        self._r.report_metric("loss", "text")  # under a known name: dropped and counted
        self._ledger.done("no number")

    def _enter_stage(self) -> None:
        self._r.stage(self._random.choice(STAGES))

    def _keep_file(self) -> None:
        n = self._ledger.begin("artifact")
        with self._r.attach(f"notes-{n}.txt") as file:
            file.write(f"{n}\n" * self._random.randint(1, 1000))
        self._ledger.done("artifact")

    def _fork(self) -> None:
        self._ledger.begin("fork")
        child = os.fork()
        if not child:
            self._r.report_metric("loss", -1)
            self._r.report_metric("of the child", -1)
            self._r.report_parameter("turn", -1)
            self._r.finish()
            os._exit(0)
        os.waitpid(child, 0)
        self._ledger.done("fork")


def show(r: reporter.Reporter, path: str) -> None:
    """Everything of a Reporter that a person or a program may write down somewhere."""
    with open(path, "wb") as file:
        file.write(pickle.dumps(r))
        file.write(f"{r!r} {r.settings!r} {vars(r)!r} {r.status()!r}\n".encode())
        try:
            r.report_metric("text", "no number")
        except reporter.ValueRefused as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            file.write("".join(told.format()).encode())
        file.flush()
        faulthandler.dump_traceback(file, all_threads=True)


def leave(way: str, r: reporter.Reporter) -> None:
    if way == "exception":
        raise ValueError("no")
    if way.startswith("exit-"):
        sys.exit(int(way[-1]))
    if way == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    if way == "fail":
        r.fail("no data")
    if way == "finish":
        r.finish()


def locals_too(kind: type[BaseException], error: BaseException, _: object) -> None:
    """What a service that collects errors would write down."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    sys.stderr.write("".join(told.format()))


def main() -> None:
    ledger, plan = Ledger(sys.argv[1]), json.loads(sys.argv[2])
    sys.excepthook = locals_too
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
    with reporter.Reporter(parameters={"life": plan["seed"]}) as r:
        ledger.enter(r.run_id)
        r.report_metric("loss", ledger.begin("loss"), 0)
        ledger.done("loss")
        if plan["shows"]:
            show(r, sys.argv[1] + ".shown")
        Training(r, ledger, plan).run()
        ledger.say(plan["way"])
        leave(plan["way"], r)
    ledger.leave()


if __name__ == "__main__":
    main()
