"""Scenes: what is reported of one training."""

from __future__ import annotations

import os
import time
from typing import Any

import keras
import numpy as np
from keras_scene import fit, model, scene, shared, x, y

from reporter_integrations import _keras_training
from reporter_integrations._keras_facts import _name_of_loss
from reporter_integrations.keras import Reporter, ReporterCallback


@scene
def plain() -> dict[str, Any]:
    began = time.perf_counter()
    with Reporter(name="plain", autolog=True) as r:
        trained = model()
        history = fit(trained, epochs=2, validation_data=(x, y)).history
        r.flush()
        evaluated = trained.evaluate(x, y, verbose=0, return_dict=True)
        trained.predict(x, batch_size=16, verbose=0)
    return {
        "history": history,
        "evaluated": evaluated,
        "seconds": time.perf_counter() - began,
        "parameters": trained.count_params(),
    }


class Older(Reporter):
    """As users of the older library made theirs."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.calls: list[tuple[str, str]] = []

    def reportMetric(self, name: str, value: Any) -> None:
        self.calls.append(("metric", name))
        super().reportMetric(name, value)

    def reportParameter(self, name: str, value: Any) -> None:
        self.calls.append(("parameter", name))
        super().reportParameter(name, value)


@scene
def older() -> list[tuple[str, str]]:
    with Older("older") as r:
        r.autolog()
        fit()
    return r.calls


@scene
def older_with_all() -> list[tuple[str, str]]:
    with Older("older_with_all") as r:
        r.autolog(loss_method=True, epsilon=True)
        fit()
    return r.calls


@scene
def switched_off() -> None:
    names = _keras_training.Switches._fields
    with Reporter(name="switched_off") as r:
        r.autolog(**dict.fromkeys(names, False))
        fit(validation_data=(x, y))


@scene
def by_hand() -> None:
    """Without autolog nobody knows the data: the batch size is told."""
    with Reporter(name="by_hand"):
        fit(callbacks=[ReporterCallback(batch_size=16, number_of_layers=False)])


@scene
def odd_batches() -> None:
    """Seven batches an epoch, the last one smaller; three at once where Keras can do that."""
    trained = model(steps_per_execution=1 if keras.backend.backend() == "torch" else 3)
    with Reporter(name="odd_batches", autolog=True):
        fit(trained, x=x[:50], y=y[:50], batch_size=8, epochs=2)


@scene
def named_acc() -> None:
    with Reporter(name="named_acc", autolog=True):
        fit(model(metrics=["acc"]), validation_data=(x, y))


@scene
def losses() -> list[str | None]:
    """The names of losses, however they are given."""
    function = keras.losses.mean_squared_error
    kinds: list[Any] = ["mse", function, keras.losses.MeanSquaredError()]
    kinds += [["mse", None], {"a": function}, None]
    return [_name_of_loss(each) for each in kinds]


def _always() -> None:
    # After each batch, and not once a second.
    _keras_training._OFTEN, _keras_training._SELDOM = 0, -60.0


def _sometimes() -> None:
    _keras_training._OFTEN, _keras_training._SELDOM = 256, 1.0


@scene
def schedule() -> list[float]:
    """A schedule that goes on from what the optimizer has done before."""
    rates = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    trained = model(optimizer=keras.optimizers.SGD(rates))
    fit(trained)
    _always()
    try:
        with Reporter(name="schedule", autolog=True):
            fit(trained, epochs=2)
    finally:
        _sometimes()
    return [float(keras.ops.convert_to_numpy(rates(step))) for step in range(4, 12)]


@scene
def changed_rate() -> None:
    """One that a callback changes, as it may, before each epoch."""
    changing = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / 2**epoch)
    with Reporter(name="changed_rate", autolog=True):
        fit(model(optimizer="sgd"), epochs=3, callbacks=[changing])


def batches(count: int) -> Any:
    for _ in range(count):
        yield x[:16], y[:16]


@scene
def last_rate() -> list[float]:
    """A callback sets the rate of the next epoch after each one; a schedule ends where it ends."""

    class Halves(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.1 / 2 ** (epoch + 1)

    trained = model(optimizer=keras.optimizers.SGD(0.1))
    with Reporter(name="last_set", autolog=True):
        fit(trained, epochs=3, callbacks=[Halves()])
    rates = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    steps = {"x": batches(5), "y": None, "batch_size": None}  # how many, nobody knows
    for name, more in (("last_scheduled", {"epochs": 2}), ("last_of_unknown", steps)):
        with Reporter(name=name, autolog=True):
            fit(model(optimizer=keras.optimizers.SGD(rates)), **more)
    return [float(keras.ops.convert_to_numpy(rates(step))) for step in (7, 4)]


class Tells(keras.callbacks.Callback):
    """Says by itself what the rate is."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["learning_rate"] = 0.7


@scene
def told_rate() -> None:
    with Reporter(name="told_rate", autolog=True):
        fit(callbacks=[Tells()])


@scene
def resumed() -> None:
    with Reporter(name="resumed", autolog=True):
        fit(initial_epoch=1, epochs=3)


@scene
def checkpoints() -> float:
    path = os.path.join(os.getcwd(), "kept.keras")
    began = time.perf_counter()
    with Reporter(name="checkpoints", autolog=True):
        fit(epochs=2, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    return time.perf_counter() - began


class Numbers(keras.utils.PyDataset):
    """A data set of the user's own, which says its batch size."""

    batch_size = 16

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return x[16 * index : 16 * index + 16], y[16 * index : 16 * index + 16]


@scene
def datasets() -> None:
    with Reporter(name="dataset", autolog=True):
        shared.fit(Numbers(), epochs=2, verbose=0)


@scene
def generator() -> None:
    with Reporter(name="generator", autolog=True):
        shared.fit(batches(8), steps_per_epoch=4, epochs=2, verbose=0)


@scene
def endless_generator() -> list[float]:
    """How many batches there are shows only when there are no more."""
    with Reporter(name="endless_generator", autolog=True):
        history = shared.fit(batches(5), epochs=1, verbose=0)
    return history.history["loss"]


@scene
def no_number() -> float:
    with Reporter(name="no_number", autolog=True):
        history = fit(model(), y=np.full_like(y, np.nan))
    return history.history["loss"][0]


@scene
def second_rank() -> None:
    for name, everywhere in (("rank_1", False), ("rank_1_too", True)):
        with Reporter(name=name, rank=1):
            fit(callbacks=[ReporterCallback(all_ranks=everywhere)])


@scene
def own_stage() -> None:
    with Reporter(name="own_stage", autolog=True) as r, r.stage("warm-up"):
        fit()
