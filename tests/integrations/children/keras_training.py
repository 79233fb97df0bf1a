"""Trains tiny models with Keras, one run a scene, and prints what really happened."""

from __future__ import annotations

import json
import sys

import keras_alone  # the first one: see there
import keras_anybody  # noqa: F401 - importing plays the scenes
import keras_callbacks  # noqa: F401
import keras_patches  # noqa: F401
import keras_values  # noqa: F401
from keras_scene import told

told["alone"] = keras_alone.found
sys.stdout.write("\n" + json.dumps(told, default=repr) + "\n")
