"""Played before all scenes, which bring TensorFlow: whether ours brings it on another backend."""

from __future__ import annotations

import sys
import warnings

import keras
import numpy as np

from reporter_integrations.keras import Reporter


def _train() -> list[bool]:
    """Whether TensorFlow is there before a training whose rate has a schedule, and after it."""
    before = "tensorflow" in sys.modules
    rates = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    trained = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    trained.compile(keras.optimizers.Adam(rates), keras.losses.MeanSquaredError())
    with Reporter(name="alone", autolog=True):
        trained.fit(np.zeros((16, 4)), np.zeros((16, 1)), verbose=0)
    return [before, "tensorflow" in sys.modules]


with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "__array__ implementation")  # Keras's own call, on torch
    found = _train()

from keras_scene import told  # noqa: E402 - this one brings what is to be absent until here

told["alone"] = found
