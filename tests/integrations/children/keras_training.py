"""Trains tiny models with Keras, one run a scene, and prints what really happened.

Its arguments are the modules whose scenes are played, in this order.
"""

from __future__ import annotations

import importlib
import json
import sys

for module in sys.argv[1:]:
    importlib.import_module(module)  # which plays its scenes

from keras_scene import told  # noqa: E402 - the first module brings no TensorFlow, this one does

sys.stdout.write("\n" + json.dumps(told, default=repr) + "\n")
