"""Autolog: every fit, evaluate and predict gets our callback, and all of it can be undone."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from reporter.reporter.module_level import current
from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, open_reporters
from reporter_integrations._hooks import harmless
from reporter_integrations._keras_callback import ReporterCallback
from reporter_integrations._keras_facts import batches_of, keras
from reporter_integrations._keras_switches import Switches
from reporter_integrations._keras_training import course_of


class Autolog:
    """One autolog that is on: whom it reports to, and what."""

    def __init__(self, reporter: Reporter | None, switches: Switches) -> None:
        if reporter is not None and not isinstance(reporter, Reporter):
            raise TypeError(f"autolog takes a Reporter, not {reporter!r}")
        self.given, self.switches = reporter, switches

    @property
    def reporter(self) -> Reporter:
        return self.given or current()

    def callback(self, reporter: Reporter) -> ReporterCallback:
        return ReporterCallback(reporter, **self.switches._asdict())


_lock = threading.RLock()
_on: list[Autolog] = []  # of all threads, the newest last
_begun_here: ContextVar[tuple[Autolog, ...]] = ContextVar("_begun_here", default=())
_fits: ContextVar[tuple[Reporter, ...]] = ContextVar("_fits", default=())  # that go on here


def begin(autolog: Autolog) -> None:
    with _lock:
        _on.append(autolog)
        for each in _patches:
            each.apply()
    here(autolog)


def here(autolog: Autolog) -> None:
    """What this thread or task fits reports there, whatever the others have begun since."""
    _begun_here.set((*(each for each in _begun_here.get() if each in _on), autolog))


def end(*autologs: Autolog) -> None:
    """Undo these; the last one restores Keras's own functions."""
    with _lock:
        _on[:] = [each for each in _on if each not in autologs]
        if not _on:
            for each in _patches:
                each.undo()
    _begun_here.set(tuple(each for each in _begun_here.get() if each in _on))


def all_on() -> list[Autolog]:
    return list(_on)


def _innermost() -> Autolog | None:
    """That of this thread or task, else the newest one of any."""
    on = all_on()
    for each in (*reversed(_begun_here.get()), *reversed(on)):
        if each in on:
            return each
    return None


class _Patch:
    """One function of keras.Model, and what stands in for it while autolog is on."""

    def __init__(self, name: str, stand_in: Callable[[Any], Any]) -> None:
        self._name, self._make = name, stand_in
        self._original: Any = None
        self._stand_in: Any = None
        self._inherited = False

    def apply(self) -> None:
        found = getattr(keras.Model, self._name)
        if self._stand_in is not None and self._stand_in in _layers(found):
            return  # below somebody else's patch, where it passed everything through
        self._original, self._inherited = found, self._name not in vars(keras.Model)
        self._stand_in = self._make(found)
        setattr(keras.Model, self._name, self._stand_in)

    def undo(self) -> None:
        ours = self._stand_in
        if ours is None or vars(keras.Model).get(self._name) is not ours:
            return  # somebody patched it since, and may restore it to ours
        if self._inherited:
            delattr(keras.Model, self._name)
        else:
            setattr(keras.Model, self._name, self._original)
        self._stand_in = None


def _layers(function: Any) -> Iterator[Any]:
    """The function and those that it wraps."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


def _told(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands in for fit, evaluate or predict."""
    signature = inspect.signature(original)
    place = list(signature.parameters).index("callbacks")

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        autolog = _innermost()
        if autolog is None:
            return original(*args, **kwargs)
        joining = _Joining(original.__name__, autolog)
        try:
            theirs = args[place] if len(args) > place else kwargs.get("callbacks")
            joining.join(theirs, args[0], signature.bind_partial(*args, **kwargs).arguments)
        except Exception as error:  # noqa: BLE001 - wrong arguments, say: Keras will tell
            joining.give_up(error)
        if joining.callbacks is not None:
            if len(args) > place:
                args = (*args[:place], joining.callbacks, *args[place + 1 :])
            else:
                kwargs = {**kwargs, "callbacks": joining.callbacks}
        with joining:
            return original(*args, **kwargs)

    return call


class _Joining:
    """One call of fit, evaluate or predict, and whether our callback joins those of the caller."""

    def __init__(self, name: str, autolog: Autolog) -> None:
        self._name, self._autolog = name, autolog
        self._ours: ReporterCallback | None = None
        self._fit: tuple[Reporter, ...] = ()
        self.callbacks: Any = None  # None: the caller's are passed on as they are

    def join(self, theirs: Any, model: Any, arguments: Mapping[str, Any]) -> None:
        reporter, batches = self._autolog.reporter, batches_of(arguments)
        fits = _fits.get().count(reporter)
        self._fit = (reporter,) if self._name == "fit" else ()
        reporting = [
            each
            for each in _flat(theirs)
            if isinstance(each, ReporterCallback) and each.reports_to(reporter)
        ]
        for each in reporting:
            each.expecting(batches)
        # A fit within a fit, by a callback say, would mix its numbers with those of the outer one.
        if not reporting and fits + len(self._fit) <= 1:
            self._ours = self._autolog.callback(reporter)
            self._ours.expecting(batches)
            self.callbacks = _with(theirs, self._ours, model)

    def give_up(self, error: Exception) -> None:
        self._ours = self.callbacks = None
        say(f"this {self._name} is not reported: {type(error).__name__}: {error}")

    def __enter__(self) -> None:
        self._token = _fits.set((*_fits.get(), *self._fit))

    def __exit__(self, *_: object) -> None:
        _fits.reset(self._token)
        if self._ours is not None:
            self._ours.over()


def _flat(callbacks: Any) -> Iterator[Any]:
    """Single callbacks, however they are given."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    if isinstance(callbacks, (list, tuple, Mapping)):
        for each in callbacks.values() if isinstance(callbacks, Mapping) else callbacks:
            yield from _flat(each)
    else:
        yield callbacks


def _with(theirs: Any, ours: ReporterCallback, model: Any) -> Any:
    """Theirs and ours, in something new. Ours is the last: it sees what theirs have changed."""
    if isinstance(theirs, keras.callbacks.CallbackList):
        both = copy.copy(theirs)
        vars(both).update(callbacks=[*theirs.callbacks, ours], _futures=[])
        ours.set_params(theirs.params or {})
        ours.set_model(model)
        return both
    if isinstance(theirs, (list, tuple)):
        return [*theirs, ours]
    if theirs is None:
        return [ours]
    # Keras looks into lists to see whether it may dispatch asynchronously, into nothing else.
    return {"0": theirs, "1": ours}


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands in for what writes a model or its weights: that takes the time of a checkpoint."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        began = perf_counter()
        result = original(*args, **kwargs)
        _checkpoint(perf_counter() - began)
        return result

    return call


@harmless
def _checkpoint(seconds: float) -> None:
    autolog = _innermost()
    if autolog is not None and (autolog.given or open_reporters):
        reporter = autolog.reporter
        with course_of(reporter).lock:
            reporter.pace.checkpoint(seconds)


_patches = [
    *(_Patch(name, _told) for name in ("fit", "evaluate", "predict")),
    *(_Patch(name, _timed) for name in ("save", "save_weights")),
]


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - a forked child must not wait for a thread it has not got
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
