"""One rank of a run of the demo: trains nothing, and tells all that a real training would.

It stops when its standard input ends. What becomes of it before that is the first argument.
"""

from __future__ import annotations

import math
import os
import select
import sys
import time

import reporter
from tests.grafana import story

STEP_S = 0.1
STEPS_PER_EPOCH, EPOCHS = 50, 200  # more than a quarter of an hour: no test outlives it
STEPS = STEPS_PER_EPOCH * EPOCHS
TURNS_AFTER = 60  # steps, until it fails, stalls or is done

role, rank = sys.argv[1], int(os.environ["REPORTER_RANK"])
part = story.PARTS[role]
step_s = STEP_S * (story.SLOWER if rank else 1)
steps = TURNS_AFTER if role == "finished" else STEPS


def told_to_end(seconds: float) -> bool:
    """Let time pass, unless the end comes first."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def spend(r: reporter.Reporter, phase: str, seconds: float) -> bool:
    """Be busy with a phase, and tell how long it really was. Whether the end has come."""
    began = time.monotonic()
    over = told_to_end(seconds)
    r.pace.spent(phase, time.monotonic() - began)
    return over


def train(r: reporter.Reporter) -> None:
    """Step after step, until something becomes of it or the end is told."""
    step, over = 0, False
    while not over:
        step += 1
        over = spend(r, "data", step_s * part.waiting)
        over = spend(r, "compute", step_s * (1 - part.waiting)) or over
        r.pace.step(samples=part.batch)
        if rank == 0:  # as in most trainings, it alone tells what was learnt
            learn(r, step)
        over = over or turn(r, step)


def learn(r: reporter.Reporter, step: int) -> None:
    """What the step brought."""
    share = step / steps
    r.report_metrics(story.learnt(part, step, share), step)
    r.report_metric("epoch", step / STEPS_PER_EPOCH, step)
    if step % 10 == 0:
        spend(r, "validation", STEP_S / 4)
        r.report_metrics(story.validated(part, step, share), step)
    if step % 25 == 0:
        r.pace.checkpoint(STEP_S / 10)
    if step == 25:
        r.milestone("first checkpoint")


def turn(r: reporter.Reporter, step: int) -> bool:
    """What becomes of the run, once it is time. Whether it is over."""
    if role == "failed" and step > TURNS_AFTER - 10:
        r.report_metric("loss", math.nan, step)
    if step < TURNS_AFTER or role == "running":
        return False
    if role == "failed":
        r.report_metric("loss", "not a number", step)  # dropped, and counted
        raise RuntimeError("the loss is not a number")
    while role == "stalled" and not told_to_end(3600):  # pushes go on, the step does not
        pass
    return True


with reporter.Reporter(parameters=story.parameters(part), tags=story.TAGS) as run:
    run.uses(*story.FRAMEWORK)
    run.pace.expect(steps)
    run.report_metrics({"batch_size": part.batch, "number_of_layers": story.LAYERS})
    run.report_metric("overall_epochs", steps / STEPS_PER_EPOCH)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with run.stage("warm-up"):
        told_to_end(STEP_S)
    run.milestone("data ready")
    run.stage("train")
    train(run)
