"""Optuna: every trial of a study and the best one so far, by a callback.

    study.optimize(objective, n_trials=100, callbacks=[ReporterCallback(n_trials=100)])

The step is the trial's number. Metrics: `value` (or the names that the study gives its objectives;
`value_0`, `value_1` where there are several without names), `best_value`, `best_trial`,
`trial_seconds`, and how many trials of this process were `trials_complete`, `trials_pruned` and
`trials_fail`. Parameters: those of the best trial, as `best/<name>`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._voice import Voice, required

optuna = required("optuna", "optuna", (3, 0))

_one_at_a_time = threading.Lock()  # with n_jobs the callback is called by several threads


class _Study:
    """What is known of a study that goes on."""

    def __init__(self, study: Any, voice: Voice) -> None:
        self.study, self.voice = study, voice
        self.trials: Counter[str] = Counter()
        self.best_number: int | None = None
        self.best_parameters: set[str] = set()


class ReporterCallback(Hooks):
    """Reports values, states and durations of trials, and the best trial with its parameters.

    Optuna does not tell callbacks how many trials are to come: give `n_trials` to see progress.
    """

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        n_trials: int | None = None,
        all_ranks: bool = False,
    ) -> None:
        super().__init__(reporter, all_ranks=all_ranks)
        self._n_trials = n_trials

    @harmless
    def __call__(self, study: Any, trial: Any) -> None:
        """A trial is over."""
        with _one_at_a_time:
            now = self._of(study)
            if self._n_trials and now.trials.total() % self._n_trials == 0:
                now.voice.pace.expect(self._n_trials)
            _report(now, trial)

    def _of(self, study: Any) -> _Study:
        if self._now is None or self._now.study is not study:
            voice = self._voice()
            voice.reporter.uses("optuna", optuna.__version__)
            voice.parameter("directions", ", ".join(each.name.lower() for each in study.directions))
            voice.parameter("study_name", study.study_name)
            self._now = _Study(study, voice)
        now: _Study = self._now
        return now


def _report(now: _Study, trial: Any) -> None:
    voice, step, state = now.voice, trial.number, trial.state.name.lower()
    now.trials[state] += 1
    voice.metric(f"trials_{state}", now.trials[state], step)
    voice.pace.step()
    if trial.duration is not None:
        seconds = trial.duration.total_seconds()
        voice.metric("trial_seconds", seconds, step)
        voice.pace.spent("compute", seconds)
    if state == "complete":
        for name, value in zip(_names(now.study), trial.values, strict=True):
            voice.metric(name, value, step)
        if len(trial.values) == 1:
            _report_best(now, step)


def _names(study: Any) -> list[str]:
    named = getattr(study, "metric_names", None)
    if named:
        return list(named)
    count = len(study.directions)
    return ["value"] if count == 1 else [f"value_{k}" for k in range(count)]


def _report_best(now: _Study, step: int) -> None:
    try:
        best = now.study.best_trial
    except ValueError:  # none yet that keeps the study's constraints
        return
    now.voice.metric("best_value", best.value, step)
    if best.number == now.best_number:
        return
    now.best_number = best.number
    now.voice.metric("best_trial", best.number, step)
    for name in now.best_parameters - best.params.keys():  # the better one has no such parameter
        now.voice.parameter(f"best/{name}", "")
    for name, value in best.params.items():
        now.voice.parameter(f"best/{name}", value)
    now.best_parameters |= best.params.keys()


def _renew_lock() -> None:
    global _one_at_a_time  # noqa: PLW0603 - a forked child must not wait for a thread it lacks
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
