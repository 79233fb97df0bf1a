"""What our callback takes in a real fit of Keras, beside an empty one. Asked: backend, steps."""

import os

from told import asked, end

os.environ["KERAS_BACKEND"] = asked()["backend"]
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from clocked import Clocks

import reporter
from reporter_integrations.keras import ReporterCallback

_BATCH = 32


class Empty(keras.callbacks.Callback):  # type: ignore[misc]
    """Does nothing, and keeps asynchronous dispatch on as ours does."""

    async_safe = True

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        pass

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        pass


def main() -> None:
    layers = [keras.Input((32,)), keras.layers.Dense(64), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    rng = np.random.default_rng(1)
    rows = _BATCH * asked()["steps"]
    x, y = rng.random((rows, 32)), rng.random((rows, 1))
    model.fit(x[:_BATCH], y[:_BATCH], batch_size=_BATCH, verbose=0)  # what is compiled, is now
    clocks = Clocks(("on_train_batch_begin", "on_train_batch_end"))
    with reporter.Reporter():
        callbacks = [clocks.over("empty", Empty()), clocks.over("ours", ReporterCallback())]
        model.fit(x, y, batch_size=_BATCH, verbose=0, callbacks=callbacks)
    clocks.tell()
    end()


if __name__ == "__main__":
    main()
