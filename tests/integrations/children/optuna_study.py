"""Runs tiny Optuna studies, one run each, and prints what Optuna itself found."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import warnings
from typing import Any

import optuna

import reporter
from reporter_integrations.optuna import ReporterCallback

optuna.logging.set_verbosity(optuna.logging.CRITICAL)
told: dict[str, Any] = {}


def study_of(**more: Any) -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), **more)


def parabola(trial: optuna.Trial) -> float:
    return float((trial.suggest_float("x", -1, 1) - 0.3) ** 2)


def eventful(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    trial.report(x, 0)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("a trial that fails")
    return float("nan") if trial.number == 3 else x


def conditional(trial: optuna.Trial) -> float:
    if trial.number == 0:
        return trial.suggest_float("momentum", 1, 2)
    return trial.suggest_float("decay", 0, 1)


def failing(study: optuna.Study, trial: Any) -> None:
    raise RuntimeError("a user's own callback")


class Hostile(reporter.Reporter):
    def reportMetric(self, name: str, value: Any) -> None:
        raise RuntimeError("a subclass that fails")


with reporter.Reporter(name="study"):
    study = study_of(study_name="parabola")
    study.optimize(parabola, n_trials=8, callbacks=(ReporterCallback(n_trials=8),))
    told["values"] = [trial.value for trial in study.trials]
    told["best"] = [study.best_value, study.best_trial.number, study.best_params["x"]]

with reporter.Reporter(name="events"):
    study = study_of(direction="maximize")
    study.optimize(eventful, n_trials=6, catch=(ValueError,), callbacks=[ReporterCallback()])
    told["events"] = [trial.state.name for trial in study.trials]
    told["complete"] = [t.value for t in study.trials if t.state.name == "COMPLETE"]

with reporter.Reporter(name="several"):
    study = study_of(directions=["minimize", "maximize"])
    objectives = lambda trial: (parabola(trial), float(trial.number))  # noqa: E731
    study.optimize(objectives, n_trials=4, callbacks=[ReporterCallback()])
    told["several"] = [trial.values for trial in study.trials]

with reporter.Reporter(name="named"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names of objectives are an experiment of Optuna's
        study = study_of()
        study.set_metric_names(["error"])
    study.optimize(parabola, n_trials=2, callbacks=[ReporterCallback()])

with reporter.Reporter(name="conditional"):
    study_of().optimize(conditional, n_trials=2, callbacks=[ReporterCallback()])

with reporter.Reporter(name="threads"):
    callback = ReporterCallback(n_trials=40)
    study_of().optimize(parabola, n_trials=40, n_jobs=4, callbacks=[callback])

with reporter.Reporter(name="twice"):
    callback = ReporterCallback(n_trials=3)
    study = study_of()
    study.optimize(parabola, n_trials=3, callbacks=[callback])
    study.optimize(parabola, n_trials=3, callbacks=[copy.deepcopy(callback)])
    elsewhere = pickle.loads(pickle.dumps(callback))  # a copy for another process is inert
    study.optimize(parabola, n_trials=3, callbacks=[elsewhere])

with reporter.Reporter(name="nested"):

    def outer(trial: optuna.Trial) -> float:
        study_of().optimize(parabola, n_trials=2, callbacks=[ReporterCallback()])
        return parabola(trial)

    study_of().optimize(outer, n_trials=2, callbacks=[ReporterCallback()])

with reporter.Reporter(name="failing"):
    try:
        study_of().optimize(parabola, n_trials=3, callbacks=[ReporterCallback(), failing])
    except RuntimeError as error:
        told["failing"] = str(error)

with Hostile(name="hostile"):
    study = study_of()
    study.optimize(parabola, n_trials=2, callbacks=[ReporterCallback()])
    told["hostile"] = len(study.trials)
sys.stdout.write(json.dumps(told) + "\n")
