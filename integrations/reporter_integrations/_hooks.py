"""What callback objects have in common: hooks that never raise, and copies that stay harmless."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, Self

from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, inert_copy
from reporter_integrations._voice import Voice

P = ParamSpec("P")


def harmless(hook: Callable[P, None]) -> Callable[P, None]:
    """The hook, and whatever it raises is said once: training is never affected."""

    @functools.wraps(hook)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - as above
            say(f"{hook.__qualname__} reports nothing: {type(error).__name__}: {error}")

    return call


class Hooks:
    """A callback that frameworks copy and pickle: a copy reports here, and in no other process."""

    def __init__(self, reporter: Reporter | None = None, *, all_ranks: bool = False) -> None:
        """Without a Reporter it is the innermost one that is open when training begins."""
        if reporter is not None and not isinstance(reporter, Reporter):
            raise TypeError(f"{type(self).__name__} takes a Reporter, not {reporter!r}")
        self._reporter, self._all_ranks = reporter, all_ranks
        self._now: Any = None  # what belongs to the training that goes on

    def _voice(self) -> Voice:
        return Voice(self._reporter, all_ranks=self._all_ranks)

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self), _now=None)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_now": None, "_reporter": inert_copy(Reporter)}
