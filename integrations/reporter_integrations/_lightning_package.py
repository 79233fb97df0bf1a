"""Lightning comes under two names, each with classes of its own: ours are those of either."""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from reporter_integrations._voice import required

PACKAGES = ("lightning.pytorch", "pytorch_lightning")
OLDEST = (2, 1)


def in_use() -> list[ModuleType]:
    """The packages that the program has imported, else the one that is installed."""
    imported = [name for name in PACKAGES if name in sys.modules]
    return [package(name) for name in imported or [_installed()]]


def package(name: str) -> ModuleType:
    """One of the two, or an ImportError that says what to install."""
    return required(name, "lightning", OLDEST)


def subclass(
    name: str, ours: type, base: tuple[str, str], packages: list[ModuleType], module: str
) -> Any:
    """Our class as a subclass of that of each package, to be found in `module`."""
    where, what = base
    bases = (ours, *(getattr(getattr(each, where), what) for each in packages))
    facts = {"__module__": module, "__qualname__": name, "__doc__": ours.__doc__}
    return types.new_class(name, bases, exec_body=lambda space: space.update(facts))


def _installed() -> str:
    return PACKAGES[0] if find_spec("lightning") or not find_spec(PACKAGES[1]) else PACKAGES[1]
