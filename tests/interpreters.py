"""The interpreters that are on this machine, beside the one that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
OTHERS = ("3.12", "3.13", "3.14")
FREE_THREADED = ("3.13t", "3.14t")

_VERSION = (
    "import sys; free = not getattr(sys, '_is_gil_enabled', lambda: True)();"
    " print('%d.%d' % sys.version_info[:2] + 't' * free)"
)


def interpreter(version: str) -> str:
    """The newest python of this version that runs, or a skip; `3.13t`: without a GIL."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = sorted(root.glob(f"{version.removesuffix('t')}.*"), reverse=True)
    for candidate in (shutil.which(f"python{version}"), *(str(p / "bin/python") for p in found)):
        if candidate and _version_of(candidate) == version:
            return candidate
    pytest.skip(f"no python{version} on this machine")


def environment() -> dict[str, str]:
    """What lets another interpreter import this checkout and what it needs."""
    path = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _version_of(python: str) -> str:
    asked = [python, "-c", _VERSION]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
