"""The interpreters that are on this machine, beside the one that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHERS = tuple(version for version in SUPPORTED if version != THIS)
FREE_THREADED = ("3.13t", "3.14t")

_TELL = (
    "import sys; free = not getattr(sys, '_is_gil_enabled', lambda: True)();"
    " print('%d.%d' % sys.version_info[:2] + 't' * free, sys.hexversion, sys.executable)"
)


def interpreter(version: str) -> str:
    """The newest python of this version that runs, or a skip; `3.13t`: without a GIL."""
    found = _newest_here(version)
    if found is None:
        pytest.skip(f"no python{version} on this machine")
    return found


def newest(version: str, candidates: Iterable[str | Path]) -> str | None:
    """Of those that run and are of this version, the newest."""
    answers = (_answer(each) for each in candidates)
    found = [(number, path) for name, number, path in answers if name == version]
    return max(found)[1] if found else None


def environment() -> dict[str, str]:
    """What lets another interpreter import this checkout and what it needs."""
    path = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@cache
def _newest_here(version: str) -> str | None:
    return newest(version, _candidates(version))


def _candidates(version: str) -> Iterator[str | Path]:
    """On the path, and where pyenv and uv keep theirs."""
    yield shutil.which(f"python{version}") or ""
    number = version.removesuffix("t")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from pyenv.glob(f"versions/{number}.*/bin/python")
    own = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    yield from own.glob(f"cpython-{number}.*/bin/python")


def _answer(python: str | Path) -> tuple[str, int, str]:
    """Its version, the whole of it as a number, and where it really is: a shim tells by folder."""
    try:
        asked = [python, "-I", "-c", _TELL]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        name, number, path = told.rstrip("\n").split(" ", 2)
    except (OSError, subprocess.CalledProcessError, ValueError):  # it is not there, or does not run
        return "", 0, ""
    return name, int(number), path
