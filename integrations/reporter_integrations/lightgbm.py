"""LightGBM: the metrics of every boosting round, by a callback.

    lightgbm.train(params, data, valid_sets=[test], callbacks=[ReporterCallback()])
    LGBMClassifier().fit(x, y, eval_X=x_test, eval_y=y_test, callbacks=[ReporterCallback()])

Names are `<data>-<metric>`: `valid_0-binary_logloss`; of `cv`, `valid-binary_logloss-mean` and
`valid-binary_logloss-stdv`.
"""

from __future__ import annotations

import time
from numbers import Real
from typing import Any

from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._voice import Voice, required

lightgbm = required("lightgbm", "lightgbm", (4, 0))


class _Training:
    """One training: its voice, and when its last round ended."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.last: float | None = None


class ReporterCallback(Hooks):
    """Reports metrics, settings, learning rate and steps of `train`, `cv` and estimators."""

    def __init__(self, reporter: Reporter | None = None, *, all_ranks: bool = False) -> None:
        super().__init__(reporter, all_ranks=all_ranks)
        # LightGBM looks for these on the object, not on its class.
        self.before_iteration = False
        self.order = 25  # before early stopping, which ends the last round with an exception

    @harmless
    def __call__(self, env: Any) -> None:
        """A round is done."""
        if env.iteration == env.begin_iteration:
            self._begin(env)
        if self._now is not None:
            _report(self._now, env)

    def _begin(self, env: Any) -> None:
        self._now = None
        voice = self._voice()
        voice.reporter.uses("lightgbm", lightgbm.__version__)
        voice.parameters({name: each for name, each in env.params.items() if each is not None})
        voice.pace.expect(env.end_iteration - env.begin_iteration)
        self._now = _Training(voice)


def _report(now: _Training, env: Any) -> None:
    voice, step = now.voice, env.iteration
    for result in env.evaluation_result_list or ():
        _say(voice, tuple(result), step)
    rate = env.params.get("learning_rate")
    if isinstance(rate, Real):
        voice.metric("learning_rate", rate, step)
    moment = time.perf_counter()
    if now.last is not None:
        voice.pace.spent("compute", moment - now.last)
    now.last = moment
    voice.pace.step()


def _say(voice: Voice, result: tuple[Any, ...], step: int) -> None:
    data, metric, value = result[:3]
    if data == "cv_agg":  # releases before 4.7 put the name of the data into the metric's
        data, _, metric = metric.partition(" ")
    if len(result) > 4:  # of cv: the folds' mean and standard deviation
        voice.metric(f"{data}-{metric}-mean", value, step)
        voice.metric(f"{data}-{metric}-stdv", result[4], step)
    else:
        voice.metric(f"{data}-{metric}", value, step)
