"""The library as the model runs it: its clock can be set, and a dead sender is replaced soon."""

from __future__ import annotations

from pathlib import Path

from tests.faults.altered import altered_copy

CLOCK = "MODEL_CLOCK"  # names the file that says how many seconds the clock is off
SUCCESSOR_AFTER = 1.0

_FIRST_IMPORT = (
    "from reporter.errors import NameRefused, ReporterError, SettingRefused, ValueRefused"
)
_SET_CLOCK = f"""
import os as _os
import time as _time

_true = _time.time


def _told() -> float:
    with open(_os.environ["{CLOCK}"]) as file:
        return _true() + float(file.read() or 0)


_time.time = _told
"""


def library_of_the_model(folder: Path) -> dict[str, str]:
    """Copy the library; the environment that imports the copy."""
    return altered_copy(
        folder,
        ("__init__.py", _FIRST_IMPORT, _SET_CLOCK + _FIRST_IMPORT),
        ("sender/process.py", "RESTART_AFTER = 60.0", f"RESTART_AFTER = {SUCCESSOR_AFTER}"),
    )
