"""A copy of the library with a line changed: a shorter time to wait for, or a bug in the sender."""

from __future__ import annotations

import shutil
from pathlib import Path

import reporter

Change = tuple[str, str, str]  # the file below the library's folder, what stands there, what shall


def altered_copy(folder: Path, *changes: Change) -> dict[str, str]:
    """Copy the library into a folder and change it; the environment that imports the copy.

    The sender runs the very copy that the trainer has imported.
    """
    copy_into(folder / "altered", *changes)
    return {"PYTHONPATH": str(folder / "altered")}


def copy_into(folder: Path, *changes: Change) -> None:
    """Copy the library into a folder and change it."""
    copy = folder / "reporter"
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(reporter.__file__).parent, copy, ignore=without)
    for path, before, after in changes:
        file = copy / path
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{path} has no line {before!r} any more"
        file.write_text(text.replace(before, after), encoding="utf-8")
