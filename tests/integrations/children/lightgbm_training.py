"""Trains tiny models with LightGBM, one run each, and prints what LightGBM itself found."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from typing import Any

import lightgbm
import numpy as np

import reporter
from reporter_integrations.lightgbm import ReporterCallback

rng = np.random.default_rng(0)
X = rng.random((200, 4))
y = (X[:, 0] + 0.3 * rng.random(200) > 0.6).astype(int)
params = {
    "objective": "binary",
    "metric": ["binary_logloss", "auc"],
    "learning_rate": 0.2,
    "num_leaves": 4,
    "num_threads": 1,
    "verbosity": -1,
    "deterministic": True,
}
told: dict[str, Any] = {}


def train(callbacks: Any, rounds: int = 5, **more: Any) -> tuple[lightgbm.Booster, Any]:
    data = lightgbm.Dataset(X[:140], y[:140])
    found: dict[str, Any] = {}
    booster = lightgbm.train(
        params,
        data,
        rounds,
        valid_sets=[data, lightgbm.Dataset(X[140:], y[140:], reference=data)],
        valid_names=["train", "test"],
        callbacks=[*callbacks, lightgbm.record_evaluation(found)],
        **more,
    )
    return booster, found


def failing(env: Any) -> None:
    if env.iteration == 2:
        raise RuntimeError("a user's own callback")


def nesting(env: Any) -> None:
    train([ReporterCallback()], rounds=2)


class Hostile(reporter.Reporter):
    def reportMetric(self, name: str, value: Any) -> None:
        raise RuntimeError("a subclass that fails")


before = copy.deepcopy(params)
with reporter.Reporter(name="train"):
    booster, told["train"] = train([ReporterCallback()])
told["unchanged"] = params == before
told["same"] = booster.model_to_string() == train([])[0].model_to_string()

with reporter.Reporter(name="early"):
    stopping = lightgbm.early_stopping(2, verbose=False)
    booster, told["early"] = train((stopping, ReporterCallback()), rounds=200)
    told["best_iteration"] = booster.best_iteration

with reporter.Reporter(name="cv"):
    data = lightgbm.Dataset(X, y)
    told["cv"] = lightgbm.cv(params, data, 4, nfold=2, callbacks=[ReporterCallback()])

with reporter.Reporter(name="estimator"):
    callback = ReporterCallback()
    elsewhere = pickle.loads(pickle.dumps(callback))  # a copy for another process is inert
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbosity=-1)
    for each in (callback, callback, elsewhere):
        model.fit(X, y, eval_X=X, eval_y=y, callbacks=[each])
    told["estimator"] = model.evals_result_["valid_0"]["binary_logloss"]
    told["own"] = callback.order, callback.before_iteration

with reporter.Reporter(name="schedule"):
    schedule = lightgbm.reset_parameter(learning_rate=lambda k: 0.1 / (k + 1))
    train([ReporterCallback(), schedule], rounds=3)

with reporter.Reporter(name="nan"):
    train([ReporterCallback()], feval=lambda *_: ("odd", float("nan"), True))

with reporter.Reporter(name="failing"):
    try:
        train([ReporterCallback(), failing])
    except RuntimeError as error:
        told["failing"] = str(error)
    train([ReporterCallback()], rounds=1)

with reporter.Reporter(name="nested"):
    train([ReporterCallback(), nesting], rounds=3)

with Hostile(name="hostile"):
    _, told["hostile"] = train([ReporterCallback()])
sys.stdout.write(json.dumps(told) + "\n")
