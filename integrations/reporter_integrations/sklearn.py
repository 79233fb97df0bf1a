"""scikit-learn: what an estimator's fit says, searches over parameters included.

    model = watch(LogisticRegression())        # the same estimator; unwatch(model) undoes it
    with watched(GridSearchCV(...)) as search:
        search.fit(x, y)

scikit-learn has no hooks, so the fit of this one instance is wrapped; no class is ever touched.
Clones, copies and pickles are plain estimators: those that a search makes, also in its worker
processes, report nothing, and a saved model does not know of us.

Parameters: `estimator`, `n_samples`, `n_features` and all of `get_params()`; of a search also
`best/<name>`. Metrics: `fit_seconds`; `training_score` with `score=True`; `loss`,
`validation_score` and `train_score` by iteration where the estimator keeps them; of a search every
candidate's `mean_test_score`, `std_test_score`, `mean_train_score` and `mean_fit_time` with the
candidate's index as the step, then `best_score` and `best_index`. Each call of `partial_fit` is a
step.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import harmless
from reporter_integrations._voice import Voice, required

sklearn = required("sklearn", "sklearn", (1, 2))

E = TypeVar("E")

_METHODS = ("fit", "fit_transform", "fit_predict", "partial_fit")
_CURVES = {"loss_curve_": "loss", "validation_scores_": "validation_score"}
_CURVES["train_score_"] = "train_score"
_COLUMNS = ("mean_test_", "std_test_", "mean_train_", "mean_fit_time")
_PLAIN = "__getstate__"


def watch(
    estimator: E,
    reporter: Reporter | None = None,
    *,
    score: bool = False,
    all_ranks: bool = False,
) -> E:
    """The same estimator, whose fits are reported from now on.

    `score` computes the training score after each fit, which takes a prediction of all samples.
    """
    if isinstance(estimator, type):
        raise TypeError(f"give an estimator, not its class: {estimator.__name__}(…)")
    if not callable(getattr(estimator, "fit", None)):
        raise TypeError(f"{type(estimator).__name__} has no fit that could be watched")
    unwatch(estimator)
    watch_ = _Watch(estimator, lambda: Voice(reporter, all_ranks=all_ranks), score)
    own = vars(estimator)
    wrapped = {name: watch_.wrapped(name) for name in _METHODS if hasattr(estimator, name)}
    own[_PLAIN] = _plain_state(estimator, frozenset([*wrapped, _PLAIN]))
    own.update(wrapped)
    return estimator


def unwatch(estimator: E) -> E:
    """The same estimator as it was before `watch`."""
    own = vars(estimator)
    for name in (*_METHODS, _PLAIN):
        if hasattr(own.get(name), "_of_reporter"):
            del own[name]
    return estimator


@contextmanager
def watched(
    estimator: E,
    reporter: Reporter | None = None,
    *,
    score: bool = False,
    all_ranks: bool = False,
) -> Iterator[E]:
    """Watch an estimator within a `with` statement.

    `score` computes the training score after each fit, which takes a prediction of all samples.
    """
    watch(estimator, reporter, score=score, all_ranks=all_ranks)
    try:
        yield estimator
    finally:
        unwatch(estimator)


def _plain_state(estimator: Any, ours: frozenset[str]) -> Callable[[], Any]:
    """What copies and pickles take of a watched estimator: all but what we put there."""

    def plain_state() -> Any:
        kind: Any = type(estimator)
        state = kind.__getstate__(estimator)
        if isinstance(state, dict):
            return {name: each for name, each in state.items() if name not in ours}
        return state

    return _ours(plain_state)


def _ours(function: Callable[..., Any]) -> Callable[..., Any]:
    vars(function)["_of_reporter"] = True
    return function


class _Watch:
    """What an estimator does while it is watched."""

    def __init__(self, estimator: Any, speak: Callable[[], Voice], score: bool) -> None:
        self.estimator, self.speak, self.score = estimator, speak, score
        self.busy = False  # a fit that calls another method of its own is one fit
        self.parts = 0

    def wrapped(self, name: str) -> Callable[..., Any]:
        """A method of the estimator that reports as well."""
        method = getattr(self.estimator, name)
        after = self.part_done if name == "partial_fit" else self.fit_done

        @functools.wraps(method)
        def fit(*args: Any, **kwargs: Any) -> Any:
            if self.busy:
                return method(*args, **kwargs)
            self.busy = True
            try:
                data = _Data(args, kwargs)
                if name != "partial_fit" or not self.parts:
                    self.begin(data)
                began = time.perf_counter()
                result = method(*args, **kwargs)
                after(data, time.perf_counter() - began)
            finally:
                self.busy = False
            return result

        return _ours(fit)

    @harmless
    def begin(self, data: _Data) -> None:
        """A fit begins: say with what."""
        voice = self.speak()
        voice.reporter.uses("scikit-learn", sklearn.__version__)
        voice.parameter("estimator", type(self.estimator).__name__)
        voice.parameters(data.sizes())
        for name, value in self.estimator.get_params().items():
            if not _holds_estimators(value):
                voice.parameter(name, value)

    @harmless
    def fit_done(self, data: _Data, seconds: float) -> None:
        """A fit is over: say what came of it."""
        voice, fitted = self.speak(), vars(self.estimator)
        voice.metric("fit_seconds", seconds)
        voice.pace.spent("compute", seconds)
        for attribute, name in _CURVES.items():
            curve = fitted.get(attribute)
            for step, value in enumerate(() if curve is None else curve):
                voice.metric(name, value, step)
        if "cv_results_" in fitted:
            _report_search(voice, self.estimator)
        else:
            voice.pace.step(samples=data.sizes().get("n_samples", 0))
        if self.score:
            voice.metric("training_score", self.estimator.score(*data.both))

    @harmless
    def part_done(self, data: _Data, seconds: float) -> None:
        """A part of the data has been learnt."""
        voice, step, self.parts = self.speak(), self.parts, self.parts + 1
        voice.pace.step(samples=data.sizes().get("n_samples", 0))
        voice.pace.spent("compute", seconds)
        loss = getattr(self.estimator, "loss_", None)
        if isinstance(loss, float):
            voice.metric("loss", loss, step)
        if self.score:
            voice.metric("training_score", self.estimator.score(*data.both), step)


class _Data:
    """The samples and targets that a method was given, in whatever way."""

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.x = args[0] if args else kwargs.get("X")
        self.y = args[1] if len(args) > 1 else kwargs.get("y")

    @property
    def both(self) -> tuple[Any, Any]:
        return self.x, self.y

    def sizes(self) -> dict[str, int]:
        """How many samples and features; what cannot be known without work is left out."""
        shape = getattr(self.x, "shape", None)
        if shape is None:
            shape = () if not isinstance(self.x, Sized) else (len(self.x),)
        return dict(zip(("n_samples", "n_features"), shape, strict=False))


def _holds_estimators(value: Any) -> bool:
    """Whether a parameter is an estimator or steps of them: their own parameters say more."""
    if isinstance(value, list | tuple):
        return any(_holds_estimators(each) for each in value)
    return hasattr(value, "get_params")


def _report_search(voice: Voice, search: Any) -> None:
    results = search.cv_results_
    for column in [name for name in results if name.startswith(_COLUMNS)]:
        for step, value in enumerate(results[column]):
            voice.metric(column, value, step)
    voice.pace.step(steps=len(results["params"]))
    for name in ("best_score", "best_index"):
        value = getattr(search, f"{name}_", None)
        if value is not None:
            voice.metric(name, value)
    for name, value in getattr(search, "best_params_", {}).items():
        voice.parameter(f"best/{name}", value)
