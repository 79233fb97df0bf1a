"""Frameworks that a test trains with: absent, it skips on a laptop and fails in CI."""

from __future__ import annotations

import importlib.util
import os

import pytest


def needs(*modules: str) -> None:
    """Skip the calling test where one of them is not installed; fail when CI is set."""
    absent = [each for each in modules if importlib.util.find_spec(each) is None]
    if not absent:
        return
    said = f"{', '.join(absent)} is not installed; `make test` installs it"
    pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
