"""A training process that forks in its scope; the child reports and leaves in the way named."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import reporter


def report_as_the_child(r: reporter.Reporter, loss: Any) -> None:
    loss(-1)
    loss(-1, 99)
    r.report_metric("loss", -1)
    r.report_metric("of-the-child", -1)
    r.report_parameter("lr", -1)
    r.tag("child")
    r.progress(1, 1)
    reporter.report_metric("loss", -1)
    with r.stage("child"):
        r.milestone("child")
    assert not r.flush(0.01)


def be_the_child(r: reporter.Reporter) -> None:
    if way == "own":
        with reporter.Reporter(parameters={"depth": 2}) as own:
            own.report_metric("loss", -1)
        os._exit(0)
    if way == "module":
        r.finish()
        reporter.report_metric("loss", -1)
        sys.exit(0)
    if way == "os._exit":
        os._exit(0)
    if way == "exception":
        raise ValueError("of the child")


way, child = sys.argv[1], 1
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    os.write(1, r.run_id.encode())
    loss = r.metric("loss")
    for step in range(10):
        loss(step, step)
    child = os.fork()
    if not child:
        report_as_the_child(r, loss)
        be_the_child(r)
    else:
        os.waitpid(child, 0)
        for step in range(10, 20):
            loss(step, step)
        copy = pickle.loads(pickle.dumps(r))
        copy.report_metric("loss", -1)
        copy.finish()
        raise RuntimeError("of the parent")
