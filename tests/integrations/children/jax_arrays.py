"""Trains with JAX, whose dispatch is asynchronous, and reports the arrays as they come."""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp

import reporter

STEPS = 4


@jax.jit
def step_of(weights: jax.Array, step: float) -> tuple[jax.Array, jax.Array]:
    """So slow that its dispatch and a report are over long before."""
    for _ in range(3):
        weights = jnp.sort(jnp.sin(weights * 1e3))
    return weights, weights.sum() * 0 + step


def traced(r: reporter.Reporter) -> str:
    def inside(x: jax.Array) -> jax.Array:
        r.report_metric("traced", x)
        return x

    try:
        jax.jit(inside)(1.0)
    except reporter.ValueRefused as refused:
        return str(refused)
    return ""


def main() -> None:
    told: dict[str, Any] = {"computed": [], "ready": []}
    weights = jnp.linspace(0, 1, 1_000_000)
    jax.block_until_ready(step_of(weights, 0.0))
    with reporter.Reporter(name="arrays") as r:
        handle = r.metric("by handle")
        for step in range(STEPS):
            weights, loss = step_of(weights, float(step))
            r.report_metric("loss", loss, step)
            handle(loss, step)
            told["computed"].append(loss.is_ready())
        r.report_metric("loss", 99.0, STEPS)  # not before the others
        told["flushed"] = r.flush(timeout=200)  # a busy machine may need more than leaving grants
        told["several"] = refused(r, weights)
        told["traced"] = traced(r)
    with reporter.Reporter(name="at once") as r:
        for step in range(STEPS):
            ready = jax.block_until_ready(jnp.float32(step) + 0.5)
            r.report_metric("loss", ready, step)
    sys.stdout.write(json.dumps(told) + "\n")


def refused(r: reporter.Reporter, value: object) -> str:
    try:
        r.report_metric("several", value)
    except reporter.ValueRefused as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
