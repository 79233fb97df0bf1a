"""Hears the calls of another library: what they do stays as it is, and all of it can be undone."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from reporter.reporter.notices import say

Undo = Callable[[], None]


class Ear(Protocol):
    """Whoever wants to hear."""

    def whom(self) -> object | None:
        """Who is told what is heard; None if nobody is."""


class Listener(NamedTuple):
    """An ear, and what it does with a call: it gets the ear, the arguments and the result."""

    ear: Ear
    # As the library calls them: what stands there may be another tool's, which takes `*args`.
    arguments: tuple[str, ...]
    hear: Callable[[Any, dict[str, Any], Any], None]


class _Tapped:
    """A function of a class or module, and a stand-in that tells its listeners of each call."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.original = vars(owner).get(name)
        if self.original is None:
            raise AttributeError(f"{owner.__name__} has no {name}")
        self.listeners: tuple[Listener, ...] = ()
        self.stand_in = _stand_in(self)
        setattr(owner, name, self.stand_in)

    @property
    def in_place(self) -> bool:
        return vars(self.owner).get(self.name) is self.stand_in

    def leave(self, listener: Listener) -> None:
        """The last one puts the original back; under another tool's patch all passes through."""
        with _lock:
            self.listeners = tuple(each for each in self.listeners if each is not listener)
            if not self.listeners and self.in_place:
                setattr(self.owner, self.name, self.original)


_lock = threading.RLock()
_tapped: dict[tuple[Any, str], _Tapped] = {}
_this_thread = threading.local()


def listen(owner: Any, name: str, listener: Listener) -> Undo:
    """From now on the listener hears each call of `owner.name` that returned."""
    with _lock:
        tapped = _tapped.get((owner, name))
        if tapped is None or not (tapped.listeners or tapped.in_place):
            tapped = _tapped[owner, name] = _Tapped(owner, name)
        tapped.listeners += (listener,)
    return functools.partial(tapped.leave, listener)


def _stand_in(tapped: _Tapped) -> Callable[..., Any]:
    original = tapped.original

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        # What a call that is heard calls in turn is the same news again.
        if not tapped.listeners or getattr(_this_thread, "hears", False):
            return original(*args, **kwargs)
        _this_thread.hears = True
        try:
            result = original(*args, **kwargs)
            _tell(tapped, args, kwargs, result)
            return result
        finally:
            _this_thread.hears = False

    return call


def _tell(tapped: _Tapped, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
    told: list[object] = []
    for ear, names, hear in tapped.listeners:
        try:
            whom = ear.whom()
            if whom is not None and not any(whom is each for each in told):
                told.append(whom)
                hear(ear, {**dict(zip(names, args, strict=False)), **kwargs}, result)
        except Exception as error:  # noqa: BLE001 - training is never affected
            say(f"a call of {tapped.name} is not mirrored: {type(error).__name__}: {error}")


class _Awaiting(MetaPathFinder):
    """Calls back when modules have been imported, and imports none itself."""

    def __init__(self) -> None:
        self.awaited: dict[str, list[Callable[[ModuleType], None]]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders have, whose loader calls back."""
        if fullname not in self.awaited:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        for finder in others:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(fullname, path, target) if find else None
            if spec is not None:
                self._call_back(spec)
                return spec
        return None

    def _call_back(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader  # the module's own, and it stays: other tools look at its type
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            execute(module)
            self.imported(spec.name, module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            say(f"{spec.name} is loaded in a way of its own, and not mirrored")

    def imported(self, name: str, module: ModuleType) -> None:
        """Tell whoever waits for it, once."""
        with _lock:
            waiting = self.awaited.pop(name, [])
            self._stand_where_needed()
        for each in waiting:
            each(module)

    def wait(self, name: str, then: Callable[[ModuleType], None]) -> None:
        with _lock:
            self.awaited.setdefault(name, []).append(then)
            self._stand_where_needed()

    def give_up(self, name: str, then: Callable[[ModuleType], None]) -> None:
        with _lock:
            if then in self.awaited.get(name, []):
                self.awaited[name].remove(then)
            if not self.awaited.get(name, True):
                del self.awaited[name]
            self._stand_where_needed()

    def _stand_where_needed(self) -> None:
        if not self.awaited and self in sys.meta_path:
            sys.meta_path.remove(self)
        elif self.awaited and self not in sys.meta_path:
            sys.meta_path.insert(0, self)


_awaiting = _Awaiting()


def once_imported(name: str, then: Callable[[ModuleType], None]) -> Undo:
    """Call back with the module: now if it is imported already, else when it is."""
    _awaiting.wait(name, then)
    if name in sys.modules:
        _awaiting.imported(name, sys.modules[name])
    return functools.partial(_awaiting.give_up, name, then)


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - a forked child must not wait for a thread it has not got
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
