"""Scenes: models and loops that have not all that a fit has."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import keras
from keras_scene import failure, fit, model, scene, shared, x, y

from reporter_integrations.keras import Reporter, ReporterCallback


@scene
def uncompiled() -> dict[str, Any]:
    """Neither optimizer nor loss: it predicts, and Keras says what it thinks of the rest."""
    bare = model(compiled=False)
    without = [failure(lambda: fit(bare)), failure(lambda: bare.evaluate(x, y, verbose=0))]
    with Reporter(name="uncompiled", autolog=True):
        within = [failure(lambda: fit(bare)), failure(lambda: bare.evaluate(x, y, verbose=0))]
        shape = list(bare.predict(x, verbose=0).shape)
    return {"without": without, "within": within, "shape": shape}


@scene
def by_batches() -> None:
    """A loop of the user's own, as for two models that play against each other."""
    with Reporter(name="by_batches", autolog=True):
        for _ in range(3):
            shared.train_on_batch(x[:16], y[:16])
            shared.test_on_batch(x[:16], y[:16])
            shared.predict_on_batch(x[:16])


@scene
def copied() -> list[bool]:
    """Tuners copy callbacks, and send them to other processes."""
    with Reporter(name="copied") as r:
        mine = ReporterCallback(r)
        fit(callbacks=[copy.deepcopy(mine)])
        sent = pickle.loads(pickle.dumps(ReporterCallback(r)))
        fit(callbacks=[sent])
    return [mine._now is None, sent._now is None]


class Refuses(Reporter):
    """A Reporter of the user's own that breaks."""

    def reportMetric(self, name: str, value: Any) -> None:
        raise OSError("of no help")

    def reportParameter(self, name: str, value: Any) -> None:
        raise OSError("of no help")


@scene
def broken_reporter() -> list[float]:
    with Refuses(name="broken_reporter", autolog=True):
        return fit().history["loss"]


@scene
def odd_logs() -> list[str]:
    """Values that are no numbers, and a name that is none."""

    class Tells(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs |= {"": 1.0, "words": "many", "matrix": x, "f1": 0.5}

    with Reporter(name="odd_logs", autolog=True):
        return sorted(fit(callbacks=[Tells()], epochs=2).history)
