"""Trains tiny models with XGBoost, one run each, and prints what XGBoost itself found."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from typing import Any

import numpy as np
import xgboost
from sklearn.base import clone
from xgboost.callback import EarlyStopping, TrainingCallback

import reporter
from reporter_integrations.xgboost import ReporterCallback

rng = np.random.default_rng(0)
X = rng.random((120, 4))
y = (X[:, 0] + 0.3 * rng.random(120) > 0.6).astype(int)
data, held_out = xgboost.DMatrix(X[:80], y[:80]), xgboost.DMatrix(X[80:], y[80:])
params = {
    "objective": "binary:logistic",
    "eval_metric": ["logloss", "auc"],
    "eta": 0.2,
    "nthread": 1,
    "max_depth": 3,
}
evals = [(data, "train"), (held_out, "test")]
told: dict[str, Any] = {}


def train(callbacks: Any, rounds: int = 5, **more: Any) -> tuple[xgboost.Booster, Any]:
    found: dict[str, Any] = {}
    booster = xgboost.train(
        params,
        data,
        rounds,
        evals=evals,
        evals_result=found,
        callbacks=callbacks,
        verbose_eval=False,
        **more,
    )
    return booster, found


class Failing(TrainingCallback):
    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if epoch == 2:
            raise RuntimeError("a user's own callback")
        return False


class Nesting(TrainingCallback):
    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        train([ReporterCallback()], rounds=2)
        return False


class Hostile(reporter.Reporter):
    def reportMetric(self, name: str, value: Any) -> None:
        raise RuntimeError("a subclass that fails")


given, before = ({"callbacks": (ReporterCallback(num_boost_round=5),)}, copy.deepcopy(params))
with reporter.Reporter(name="train"):
    booster, told["train"] = train(**given)
told["unchanged"] = params == before and len(given["callbacks"]) == 1
told["same"] = booster.get_dump() == train(None)[0].get_dump()

with reporter.Reporter(name="early"):
    stopping = EarlyStopping(rounds=2, data_name="test", metric_name="logloss", save_best=True)
    booster, told["early"] = train((stopping, ReporterCallback()), rounds=200)
    told["best"] = [booster.best_iteration, booster.best_score]

with reporter.Reporter(name="cv"):
    found = xgboost.cv(params, data, 4, nfold=2, as_pandas=False, callbacks=[ReporterCallback()])
    told["cv"] = {name: list(map(float, each)) for name, each in found.items()}

with reporter.Reporter(name="estimator"):
    callback = ReporterCallback()
    model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, callbacks=[callback])
    model.fit(X, y, eval_set=[(X, y)], verbose=False)
    twin = clone(model).fit(X, y, eval_set=[(X, y)], verbose=False)
    elsewhere = pickle.loads(pickle.dumps(clone(model)))  # a copy for another process is inert
    elsewhere.fit(X, y, eval_set=[(X, y)], verbose=False)
    told["estimator"] = twin.evals_result()["validation_0"]["logloss"]

with reporter.Reporter(name="nan"):
    train([ReporterCallback()], custom_metric=lambda *_: ("odd", float("nan")))

with reporter.Reporter(name="failing"):
    try:
        train([ReporterCallback(), Failing()])
    except RuntimeError as error:
        told["failing"] = str(error)
    train([ReporterCallback()], rounds=1)

with reporter.Reporter(name="nested"):
    train([ReporterCallback(), Nesting()], rounds=3)

with Hostile(name="hostile"):
    booster, told["hostile"] = train([ReporterCallback()])
closed = reporter.Reporter(name="closed")
train([ReporterCallback(closed)])
sys.stdout.write(json.dumps(told) + "\n")
