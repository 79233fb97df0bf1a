"""A training process whose data set, with the Reporter in it, goes to workers of a pool."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import sys

import reporter


class Dataset:
    """As users write them: it holds whatever was at hand."""

    def __init__(self, r: reporter.Reporter) -> None:
        self.r, self.name = r, "data"

    def load(self, n: int) -> tuple[int, str]:
        self.r.report_metric("of-the-worker", n)
        self.r.report_parameter("lr", n)
        with self.r, self.r.stage("worker"):
            self.r.metric("loss")(-1, n)
        self.r.finish()
        return n, self.r.run_id


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with reporter.Reporter(parameters={"lr": 0.1}) as r:
        dataset = copy.deepcopy(Dataset(r))
        assert dataset.r is r
        with context.Pool(2) as pool:
            assert pool.map(dataset.load, range(6)) == [(n, "") for n in range(6)]
        with open("dataset.pickle", "wb") as file:
            pickle.dump(dataset, file)
        r.report_metric("loss", 0.37)
