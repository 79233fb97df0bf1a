"""Runs a script by a wall clock that a file sets forward or back; no other clock is changed.

Under this name as the interpreter, it does so for the sender of that script as well.
"""

from __future__ import annotations

import os
import runpy
import shlex
import sys
import time
from pathlib import Path

REAL = time.time
SHIFT = os.environ["CLOCK_SHIFT"]


def shifted() -> float:
    with open(SHIFT) as file:
        return REAL() + float(file.read())


def interpreter() -> str:
    """What starts the sender, instead of Python itself."""
    path = Path(SHIFT).with_name("python-by-a-clock")
    ours = shlex.join([sys.executable, "-I", "-S", __file__])
    path.write_text(f'#!/bin/sh\nshift 2\nexec {ours} "$@"\n')
    path.chmod(0o755)
    return str(path)


time.time = shifted
if not sys.flags.isolated:
    sys.executable = interpreter()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
