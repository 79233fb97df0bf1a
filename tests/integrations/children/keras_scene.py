"""What the scenes of the Keras tests share: tiny data, tiny models, and how a scene is played."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).random((64, 4), dtype="float32")
y = (x.sum(axis=1, keepdims=True) > 2).astype("float32")

# What Keras itself warns of, with the calls that it makes by itself.
KERAS_WARNS = (
    "Your input ran out of data",
    "`shuffle=True` was passed",
    "__array__ implementation",
)

told: dict[str, Any] = {}


def scene(play: Callable[[], Any]) -> Callable[[], Any]:
    """Play it at once and keep what it found; a failure is that of the test which asks for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for known in KERAS_WARNS:
                warnings.filterwarnings("ignore", known)
            told[play.__name__] = play()
    except BaseException:
        told[play.__name__] = {"failed": traceback.format_exc()}
    return play


def model(compiled: bool = True, **more: Any) -> Any:
    made = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    if compiled:
        made.compile(**{"optimizer": "adam", "loss": "mse", "metrics": ["accuracy"], **more})
    return made


shared = model()


def fit(trained: Any = None, **more: Any) -> Any:
    """A quick fit: four batches of sixteen, once."""
    arguments: dict[str, Any] = {"x": x, "y": y, "batch_size": 16, "verbose": 0, **more}
    return (trained or shared).fit(**arguments)


def failure(call: Callable[[], Any]) -> str | None:
    """What a call raises, as text."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


class Counting(keras.callbacks.Callback):
    """A callback of the user's, which is asked after every batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches += 1
