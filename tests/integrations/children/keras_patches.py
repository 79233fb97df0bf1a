"""Scenes: what autolog does to Keras, and how it is undone."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import Any

import keras
from keras_scene import Counting, failure, fit, scene, shared, x, y

import reporter
import reporter_integrations.keras as ours
from reporter_integrations.keras import Reporter, autolog, autologged, disableAutolog

NAMES = ("fit", "evaluate", "predict", "save", "save_weights")


def functions() -> list[Any]:
    return [getattr(keras.Model, name) for name in NAMES]


def own() -> list[str]:
    """The names that keras.Model defines itself, and does not inherit."""
    return [name for name in NAMES if name in vars(keras.Model)]


@scene
def reversible() -> dict[str, Any]:
    """Reporters that begin and end in any order; what Keras had is there when the last one left."""
    before, names = functions(), own()
    first, second = Reporter(name="first", autolog=True), Reporter(name="second", autolog=True)
    found = {"before": autologged()}
    with first, second:
        found["within"] = autologged() and first.autologged and second.autologged
        fit()
        first.finish()
        found["first_left"] = autologged() and not first.autologged
        fit()
    found["after"] = autologged()
    found["restored"] = functions() == before and own() == names
    found["nothing_copied"] = all(a is b for a, b in zip(functions(), before, strict=True))
    return found


@scene
def another_patch() -> dict[str, Any]:
    """Somebody patches on top of ours, in every order."""
    before, asked = keras.Model.fit, []

    def patch() -> Any:
        below = keras.Model.fit

        @functools.wraps(below)
        def theirs(*args: Any, **kwargs: Any) -> Any:
            asked.append(1)
            return below(*args, **kwargs)

        keras.Model.fit = theirs
        return theirs

    with Reporter(name="patched_first", autolog=True):
        theirs = patch()
    found = {"theirs_stays": keras.Model.fit is theirs}
    fit()  # through theirs and ours, which passes it on
    depth = []
    for k in range(3):
        with Reporter(name=f"patched_again_{k}", autolog=True):
            fit()
            depth.append(keras.Model.fit is theirs)
    found |= {"asked": len(asked), "not_deeper": depth}
    del keras.Model.fit
    with Reporter(name="patched_late", autolog=True):
        fit()
    found["restored"] = keras.Model.fit is before
    return found


@scene
def modules() -> dict[str, Any]:
    """The calls of the module, with the innermost Reporter, which is a plain one."""
    found: dict[str, Any] = {"same": ours.disableAutoLog is disableAutolog}
    autolog(True, True, False, epoch=False)
    autolog(step=False)
    try:
        found["on"] = autologged()
        with reporter.Reporter(name="modules"):
            fit()
    finally:
        disableAutolog()
    found["off"] = not autologged()
    with reporter.Reporter(name="modules_off"):
        fit()
    return found


@scene
def wrong_switches() -> dict[str, str | None]:
    """Each is refused when it is given, and leaves nothing on."""
    r: Any = Reporter(name="wrong_switches")
    calls: dict[str, Any] = {
        "unknown": lambda: autolog(lr=True),
        "unknown_callback": lambda: ours.ReporterCallback(lr=True),
        "unknown_reporter": lambda: r.autolog(lr=True),
        "no_switch": lambda: autolog("yes"),
        "no_number": lambda: autolog(batch_size=1.5),
        "twice": lambda: autolog(True, accuracy=True),
        "too_many": lambda: autolog(*[True] * 12),
        "by_place": lambda: autolog(r),
        "no_reporter": lambda: autolog(reporter=3),
        "no_reporter_callback": lambda: ours.ReporterCallback("x"),
    }
    found = {name: failure(call) for name, call in calls.items()}
    return {**found, "on": str(autologged())}


@scene
def threads() -> list[str]:
    """Two threads train with a Reporter each, at the same time; a third has none."""
    models = [keras.models.clone_model(shared) for _ in range(3)]
    for each in models:
        each.compile("sgd", "mse")
    both, raised = threading.Barrier(2), []

    def train(k: int) -> None:
        try:
            with Reporter(name=f"thread_{k}", autolog=True):
                both.wait(60)
                fit(models[k], epochs=2 + k)
                both.wait(60)
        except Exception as error:
            raised.append(repr(error))

    def help_out() -> None:
        fit(models[2], epochs=7)

    workers = [threading.Thread(target=train, args=(k,)) for k in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    with Reporter(name="thread_helped", autolog=True):
        helper = threading.Thread(target=help_out)
        helper.start()
        helper.join()
    return raised


@scene
def tasks() -> None:
    """Two tasks of one thread, each in a scope of its own."""

    async def train(k: int, entered: asyncio.Barrier) -> None:
        async with Reporter(name=f"task_{k}", autolog=True):
            await entered.wait()
            fit(epochs=2 + k)
            await entered.wait()

    async def all_of_them() -> None:
        entered = asyncio.Barrier(2)
        await asyncio.gather(*(train(k, entered) for k in range(2)))

    asyncio.run(all_of_them())


class Own(keras.Model):
    """A model of the user's own, with a fit and a training step of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = keras.layers.Dense(1)

    def call(self, values: Any) -> Any:
        return self.inner(values)

    def fit(self, x: Any, y: Any, times: int = 2) -> None:
        for _ in range(times):
            super().fit(x, y, 16, 1, 0, (Counting(),))


@scene
def subclassed() -> None:
    mine = Own()
    mine.compile("sgd", "mse")
    with Reporter(name="subclassed", autolog=True):
        mine.fit(x, y)
