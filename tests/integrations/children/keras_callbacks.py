"""Scenes: autolog beside the callbacks of the user, whatever they are and do."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import keras
from keras.src.callbacks import callback_list
from keras_scene import Counting, failure, fit, model, scene, shared, x, y

from reporter_integrations.keras import Reporter, ReporterCallback


@scene
def twice() -> list[int]:
    """Two fits with one list of callbacks, which stays as it is."""
    mine = [Counting()]
    with Reporter(name="twice", autolog=True):
        fit(callbacks=mine)
        fit(callbacks=mine)
    return [len(mine), mine[0].batches]


@scene
def both_ways() -> None:
    """A callback of ours among theirs: autolog leaves the reporting to it."""
    with Reporter(name="both_ways", autolog=True) as r:
        fit(callbacks=[ReporterCallback(r)])
        fit(callbacks=(ReporterCallback(), Counting()))


@scene
def another_reporter() -> None:
    with Reporter(name="autologged", autolog=True), Reporter(name="explicit") as second:
        fit(callbacks=[ReporterCallback(second)])


def _first(callbacks: Any) -> Any:
    if isinstance(callbacks, dict):
        return callbacks["mine"]
    if isinstance(callbacks, (list, tuple)):
        return callbacks[0] if callbacks else None
    return callbacks


@scene
def all_kinds() -> dict[str, Any]:
    """Callbacks in everything that Keras takes; each of them is asked, and none is changed."""
    found: dict[str, Any] = {}
    kinds: dict[str, Any] = {"none": None, "empty": [], "list": [Counting()], "one": Counting()}
    kinds |= {"tuple": (Counting(),), "dict": {"mine": Counting()}}
    kinds["callback_list"] = keras.callbacks.CallbackList([Counting()], model=shared, epochs=1)
    with Reporter(name="all_kinds", autolog=True):
        for kind, callbacks in kinds.items():
            before = dict(vars(callbacks)) if kind == "callback_list" else repr(callbacks)
            inside = list(getattr(callbacks, "callbacks", ()))
            fit(callbacks=callbacks)
            after = dict(vars(callbacks)) if kind == "callback_list" else repr(callbacks)
            same = before == after and inside == list(getattr(callbacks, "callbacks", ()))
            mine = callbacks.callbacks[0] if kind == "callback_list" else _first(callbacks)
            found[kind] = [same, mine and mine.batches]
        mine = [Counting()]
        shared.fit(x, y, 16, 1, 0, mine)
        found["positional"] = [len(mine) == 1, mine[0].batches]
    return found


@scene
def wrong_arguments() -> list[list[str | None]]:
    """What Keras refuses it refuses in its own words."""
    wrong: list[dict[str, Any]] = [
        {"callbacks": [1]},
        {"callbacks": {"mine": 1}},
        {"callbacks": 7},
        {"no_such_argument": 1},
        {"x": None, "y": None},
    ]
    without = [failure(lambda each=each: fit(**each)) for each in wrong]
    with Reporter(name="wrong_arguments", autolog=True):
        within = [failure(lambda each=each: fit(**each)) for each in wrong]
        fit()
    return [without, within]


class Breaks(keras.callbacks.Callback):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise self.error


@scene
def raises() -> dict[str, Any]:
    """A callback of the user's raises; it is the user's exception that ends the run."""
    own = RuntimeError("of the user's own")
    caught: Any = None
    before = keras.Model.fit
    try:
        with Reporter(name="raises", autolog=True):
            fit(callbacks=[Breaks(own)])
    except RuntimeError as error:
        caught = error
    with Reporter(name="after_it_raised", autolog=True):
        failure(lambda: fit(callbacks=[Breaks(own)]))
        fit()
    return {"same": caught is own, "restored": keras.Model.fit is before}


class Late(keras.callbacks.Callback):
    """Keeps the second batch from the callbacks after it, for a while or for ever."""

    async_safe = True

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1 and self.error:
            raise self.error
        if batch == 1:
            time.sleep(0.2)
        self.batches.append(batch)


@scene
def out_of_turn() -> tuple[bool, list[int]]:
    """Whether any batch came late at all, and the steps of the fit that an error ended."""
    slow, broken = Late(), Late(RuntimeError("of the user's own"))
    with Reporter(name="out_of_turn", autolog=True):
        fit(epochs=2, callbacks=[slow])
        failure(lambda: fit(callbacks=[broken]))
        time.sleep(0.3)  # its threads may go on for a moment
        ended = [9 + batch for batch in broken.batches]
    return slow.batches != sorted(slow.batches[:4]) * 2, sorted(ended)


class Stops(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            self.model.stop_training = True


@scene
def stopped() -> None:
    with Reporter(name="stopped", autolog=True):
        fit(epochs=5, callbacks=[Stops()])


@scene
def stopped_early() -> int:
    """At a loss that does not become less."""
    early = keras.callbacks.EarlyStopping(monitor="loss", min_delta=10)
    with Reporter(name="stopped_early", autolog=True):
        return len(fit(epochs=5, callbacks=[early]).history["loss"])


class Within(keras.callbacks.Callback):
    """Trains, evaluates and predicts with another model, within the training of one."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.other = other

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        fit(self.other, epochs=3, validation_data=(x, y))
        self.other.evaluate(x, y, verbose=0)
        self.other.predict(x, verbose=0)


@scene
def nested() -> None:
    with Reporter(name="nested", autolog=True):
        fit(epochs=2, callbacks=[Within(model())])


class _Spy:
    """Who fetched values of batches in which thread, and which lists of callbacks there were."""

    def __init__(self) -> None:
        self.lists: list[Any] = []
        self.fetched: set[bool] = set()
        self.asked: set[bool] = set()
        self._main = threading.get_ident()
        self._kept = callback_list.CallbackList.on_train_begin, callback_list.python_utils
        self._hook = ReporterCallback.on_train_batch_end

    def __enter__(self) -> _Spy:
        begin, utils = self._kept
        spy = self

        def on_train_begin(these: Any, logs: Any = None) -> None:
            spy.lists.append(these)
            begin(these, logs)

        class Fetching:
            @staticmethod
            def pythonify_logs(logs: Any) -> Any:
                if logs and sys._getframe(1).f_code.co_name == "_on_train_batch_end":
                    spy.fetched.add(threading.get_ident() == spy._main)
                return utils.pythonify_logs(logs)

        def asked(these: Any, batch: int, logs: Any = None) -> None:
            spy.asked.add(threading.get_ident() == spy._main)
            spy._hook(these, batch, logs)

        callback_list.CallbackList.on_train_begin = on_train_begin
        callback_list.python_utils = Fetching
        ReporterCallback.on_train_batch_end = asked
        return self

    def __exit__(self, *_: object) -> None:
        callback_list.CallbackList.on_train_begin, callback_list.python_utils = self._kept
        ReporterCallback.on_train_batch_end = self._hook

    def told(self) -> dict[str, Any]:
        """In the training's own thread: True; in one of Keras's: False."""
        return {
            "async": [each._async_train for each in self.lists],
            "fetched": sorted(self.fetched),
            "asked": sorted(self.asked),
        }


@scene
def dispatch() -> dict[str, Any]:
    """With nobody else's callback, and with an ordinary one."""
    found = {}
    with Reporter(name="dispatch", autolog=True):
        for kind, callbacks in (("ours", None), ("ordinary", [Counting()])):
            with _Spy() as spy:
                fit(epochs=2, callbacks=callbacks)
            found[kind] = spy.told()
    return found


@scene
def touched() -> list[int]:
    """How often the state of the model is asked for, without and with autolog."""
    counts = []
    for on in (False, True):
        trained, synced = model(), []
        if hasattr(trained, "jax_state_sync"):
            sync = trained.jax_state_sync
            trained.jax_state_sync = lambda sync=sync, synced=synced: (synced.append(1), sync())[1]
        with Reporter(name=f"touched_{on}") as r:
            if on:
                r.autolog()
            fit(trained, epochs=2, batch_size=1)
        counts.append(len(synced))
    return counts
