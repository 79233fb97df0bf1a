"""What three reports take in a Keras callback, in a real fit. Asked: subject, gateway, steps."""

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import lineup
import numpy as np
from hooks import Hook
from told import asked, end, place, tell

_BATCH = 32


class Reporting(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, hook: Hook) -> None:
        super().__init__()
        self.hook = hook

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        found = [("loss", logs["loss"]), ("mae", logs["mae"]), ("step", float(batch))]
        self.hook.after_batch(batch, found)


def main() -> None:
    spec = asked()
    hook = Hook(lineup.adapter(spec["subject"])(place(spec)))
    layers = [keras.Input((32,)), keras.layers.Dense(64), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    rng = np.random.default_rng(1)
    x, y = rng.random((_BATCH * spec["steps"], 32)), rng.random((_BATCH * spec["steps"], 1))
    model.fit(x, y, batch_size=_BATCH, verbose=0, callbacks=[Reporting(hook)])
    tell(**hook.told())
    end()


if __name__ == "__main__":
    main()
