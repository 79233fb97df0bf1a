"""XGBoost: the metrics of every boosting round, by a callback.

    xgboost.train(params, data, evals=[(data, "train")], callbacks=[ReporterCallback()])
    XGBClassifier(callbacks=[ReporterCallback()]).fit(x, y, eval_set=[(x, y)])

Names are XGBoost's own: `train-logloss`, `validation_0-auc`; of `cv`, as in its results,
`test-logloss-mean` and `test-logloss-std`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._voice import Voice, required

xgboost: Any = required("xgboost", "xgboost", (1, 7))

_SETTINGS = {
    *("booster", "objective", "learning_rate", "max_depth", "max_leaves", "min_child_weight"),
    *("gamma", "subsample", "colsample_bytree", "reg_alpha", "reg_lambda"),
    *("num_feature", "num_class"),
}


class _Training:
    """One training: its voice, and what of XGBoost's history it has said."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.history: dict[str, dict[str, list[Any]]] = {}
        self.rounds = 0
        self.began: float | None = None

    def round_done(self) -> None:
        """Say the newest of the history, and count the round."""
        step, self.rounds = self.rounds, self.rounds + 1
        for data, metrics in self.history.items():
            for metric, values in metrics.items():
                if len(values) > step:
                    self._say(f"{data}-{metric}", values[step], step)
        pace = self.voice.pace
        if self.began is not None:
            pace.spent("compute", time.perf_counter() - self.began)
            self.began = None
        pace.step()

    def _say(self, name: str, value: Any, step: int) -> None:
        if isinstance(value, tuple):  # of cv: the folds' mean and standard deviation
            self.voice.metric(f"{name}-mean", value[0], step)
            self.voice.metric(f"{name}-std", value[1], step)
        else:
            self.voice.metric(name, value, step)

    def unsaid(self) -> bool:
        """Whether the last round ended by a callback before ours, and ours was not asked."""
        longest = (len(values) for each in self.history.values() for values in each.values())
        return max(longest, default=0) > self.rounds


class ReporterCallback(Hooks, xgboost.callback.TrainingCallback):
    """Reports metrics, settings, steps and the best iteration of `train`, `cv` and estimators.

    XGBoost does not say how many rounds are to come: give `num_boost_round` to see progress.
    """

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        num_boost_round: int | None = None,
        all_ranks: bool = False,
    ) -> None:
        super().__init__(reporter, all_ranks=all_ranks)
        self._num_boost_round = num_boost_round

    def before_training(self, model: Any) -> Any:
        """Training begins."""
        self._begin()
        return model

    def before_iteration(self, model: Any, *_: Any) -> bool:  # noqa: ARG002 - as it is called
        """A round begins."""
        if self._now is not None:
            self._now.began = time.perf_counter()
        return False

    def after_iteration(self, model: Any, _epoch: int, evals_log: Any) -> bool:
        """A round is done."""
        if self._now is not None:
            self._round_done(model, evals_log)
        return False

    def after_training(self, model: Any) -> Any:
        """Training is over."""
        if self._now is not None:
            self._end(model)
        return model

    @harmless
    def _begin(self) -> None:
        self._now = None
        voice = self._voice()
        voice.reporter.uses("xgboost", xgboost.__version__)
        if self._num_boost_round is not None:
            voice.pace.expect(self._num_boost_round)
        self._now = _Training(voice)

    @harmless
    def _round_done(self, model: Any, evals_log: Any) -> None:
        now: _Training = self._now
        now.history = evals_log
        now.round_done()
        if now.rounds == 1:  # not before: asking a model for its settings configures it
            now.voice.parameters(dict(_settings(model)))

    @harmless
    def _end(self, model: Any) -> None:
        now, self._now = self._now, None
        if now.unsaid():
            now.round_done()
        for name in ("best_iteration", "best_score"):
            value = model.attr(name)
            if value is not None:
                now.voice.metric(name, float(value))


def _settings(model: Any) -> Iterator[tuple[str, Any]]:
    """What matters of the model's settings, its defaults included."""
    booster = model.cvfolds[0].bst if hasattr(model, "cvfolds") else model
    yield from _chosen(json.loads(booster.save_config()))


def _chosen(config: Any) -> Iterator[tuple[str, Any]]:
    for name, value in config.items() if isinstance(config, dict) else ():
        if isinstance(value, dict):
            yield from _chosen(value)
        elif name in _SETTINGS:
            yield name, _number(value)


def _number(text: str) -> Any:
    """XGBoost's text of a setting, without the noise of a 32-bit float."""
    try:
        return float(f"{float(text):.6g}") if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        return text
