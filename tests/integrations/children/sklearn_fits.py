"""Fits tiny scikit-learn estimators, one run each, and prints what they themselves found."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import sys
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import reporter
from reporter_integrations.sklearn import unwatch, watch, watched

rng = np.random.default_rng(0)
X = rng.random((90, 3))
y = (X[:, 0] > 0.5).astype(int)
told: dict[str, Any] = {"runs": 13}


class Odd(BaseEstimator):  # type: ignore[misc]
    """An estimator of a user's own that says NaN, or raises."""

    def __init__(self, failing: bool = False) -> None:
        self.failing = failing

    def fit(self, x: Any, y: Any = None) -> Odd:
        if self.failing:
            raise RuntimeError("a user's own estimator")
        self.loss_curve_ = [1.0, float("nan")]
        return self

    def score(self, x: Any, y: Any = None) -> float:
        raise RuntimeError("a user's own score")


class Hostile(reporter.Reporter):
    def reportMetric(self, name: str, value: Any) -> None:
        raise RuntimeError("a subclass that fails")


def coefficients(model: Any) -> list[float]:
    return [float(each) for each in model.coef_[0]]


with reporter.Reporter(name="fit"):
    plain = LogisticRegression(C=0.5)
    before = dict(vars(plain))
    model = watch(plain, score=True)
    told["returned"] = [model is plain, model.fit(X, y=y) is model]
    told["score"] = model.score(X, y)
    told["signature"] = list(inspect.signature(model.fit).parameters)
    told["coefficients"] = [coefficients(model), coefficients(LogisticRegression(C=0.5).fit(X, y))]

with reporter.Reporter(name="copies"):
    copies = [clone(model), copy.copy(model), copy.deepcopy(model)]
    pickled = pickle.dumps(model)
    told["pickle_knows_us"] = b"reporter" in pickled
    copies.append(pickle.loads(pickled))
    seen = coefficients(model)
    for each in copies:
        told.setdefault("copies", []).append("fit" in vars(each))
        each.fit(X, 1 - y)
    told["original_left_alone"] = seen == coefficients(model)

with reporter.Reporter(name="unwatched"):
    unwatch(model).fit(X, y)
    told["unwatched"] = set(vars(LogisticRegression(C=0.5).fit(X, y))) == set(vars(model))
    told["class_untouched"] = "fit" not in vars(model) and not hasattr(
        LogisticRegression.fit, "_of_reporter"
    )

with reporter.Reporter(name="twice"):
    for _ in range(2):
        watch(model)  # watched twice, reported once
    model.fit(X, y)
    model.fit(X, y)

for name, jobs in (("search", 1), ("search in processes", 2)):
    with reporter.Reporter(name=name):
        search = GridSearchCV(watch(LogisticRegression()), {"C": [0.1, 1, 10]}, cv=3, n_jobs=jobs)
        with watched(search):
            search.fit(X, y)
        told[name] = [float(each) for each in search.cv_results_["mean_test_score"]]
        told["best"] = [float(search.best_score_), search.best_params_["C"]]

with reporter.Reporter(name="parts"):
    model = watch(SGDClassifier(random_state=0), score=True)
    for k in range(3):
        model.partial_fit(X[k * 30 : k * 30 + 30], y[k * 30 : k * 30 + 30], classes=[0, 1])
    told["parts"] = model.score(X[60:], y[60:])

with reporter.Reporter(name="curve"), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it does not converge in so few iterations
    model = watch(MLPClassifier(4, max_iter=6, random_state=0))
    told["curve"] = model.fit(X, y).loss_curve_

with reporter.Reporter(name="pipeline"):
    model = watch(make_pipeline(StandardScaler(), LogisticRegression(C=2)))
    model.fit(X, y)

with reporter.Reporter(name="transform"):
    told["transform"] = watch(PCA(2)).fit_transform(X).shape
    watch(StandardScaler()).fit_transform(X)  # calls fit, which calls partial_fit

with reporter.Reporter(name="odd"):
    watch(Odd(), score=True).fit([[1.0], [2.0]])
    try:
        watch(Odd(failing=True)).fit(X)
    except RuntimeError as error:
        told["odd"] = str(error)

with reporter.Reporter(name="nested"):

    class Outer(Odd):
        def fit(self, x: Any, y: Any = None) -> Outer:
            watch(LogisticRegression()).fit(x, y)
            return self

    watch(Outer()).fit(X, y)

for wrong in (object(), SGDClassifier):
    try:
        watch(wrong)
    except TypeError as error:
        told.setdefault("no estimator", []).append(str(error))
told["help"] = inspect.getdoc(watched)

with Hostile(name="hostile"):
    told["hostile"] = coefficients(watch(LogisticRegression(C=0.5)).fit(X, y))
sys.stdout.write(json.dumps(told) + "\n")
