"""Whether the work between reports is slowed: a matrix product after each ten of them.

Asked: subjects (the first one does nothing), gateway, runs, products of a run, settle_s. Each run
stands between two runs of the first subject, and its figure is its mean over theirs.
"""

import os
from time import perf_counter

import lineup
import numpy as np
from subject import Subject
from told import asked, end, tell

SIZE = 384
METRICS = 10


def main() -> None:
    spec = asked()
    empty, *names = spec["subjects"]
    nothing, *subjects = lineup.opened(spec["subjects"], os.getcwd(), spec.get("gateway"))
    matrix = np.random.default_rng(1).random((SIZE, SIZE))
    run(nothing, matrix, spec["products"])  # caches, the product's own threads
    ms: dict[str, list[float]] = {name: [] for name in spec["subjects"]}
    ratios: dict[str, list[float]] = {name: [] for name in names}
    before = run(nothing, matrix, spec["products"])
    for _ in range(spec["runs"]):
        for name, subject in zip(names, subjects, strict=True):
            took = run(subject, matrix, spec["products"])
            subject.settle(spec["settle_s"])
            after = run(nothing, matrix, spec["products"])
            ratios[name].append(2 * took / (before + after))
            ms[name].append(took * 1000)
            ms[empty].append(after * 1000)
            before = after
        tell(ms=ms, ratios=ratios)
    end()


def run(subject: Subject, matrix: np.ndarray, products: int) -> float:
    """Seconds of a product, the mean: what disturbs it comes in bursts."""
    into = np.empty_like(matrix)
    pairs = [(f"metric_{k}", 0.5 * k) for k in range(METRICS)]
    spent = 0.0
    for step in range(products):
        subject.report_round(pairs, step)
        began = perf_counter()
        np.matmul(matrix, matrix, out=into)
        spent += perf_counter() - began
    return spent / products


if __name__ == "__main__":
    main()
