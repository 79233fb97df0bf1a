"""The same calls without a Reporter: to the innermost open one, else to one made by itself."""

from __future__ import annotations

import os
import threading

from reporter.reporter import scope
from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, open_reporters

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from reporter.reporter.files import Attachment, Stage

_WHY_NOT = (
    "the interpreter is ending and no Reporter is open: what is reported now belongs to no run"
)

_making = threading.RLock()


def current() -> Reporter:
    """The innermost open Reporter of this process; one is made where there is none."""
    try:
        return open_reporters[-1]
    except IndexError:
        pass
    if scope.interpreter_is_ending():
        say(_WHY_NOT)
        return scope.inert_copy(Reporter)
    with _making:
        return open_reporters[-1] if open_reporters else Reporter().__enter__()


def _renew_lock() -> None:
    global _making  # noqa: PLW0603 - a forked child must not wait for a thread it has not got
    _making = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def report_metric(name: str, value: Any, step: int | None = None) -> None:
    """Report a number; see Reporter.report_metric."""
    current().report_metric(name, value, step)


def report_metrics(values: Mapping[str, Any], step: int | None = None) -> None:
    """Report several numbers."""
    current().report_metrics(values, step)


def metric(name: str) -> Callable[..., None]:
    """A handle on one metric of the current run."""
    return current().metric(name)


def report_parameter(name: str, value: Any) -> None:
    """Report a setting of the run."""
    current().report_parameter(name, value)


def report_parameters(values: Mapping[str, Any]) -> None:
    """Report several settings of the run."""
    current().report_parameters(values)


def tag(key: str, value: Any = "") -> None:
    """Tag the run."""
    current().tag(key, value)


def stage(name: str) -> Stage:
    """Enter a stage of the run."""
    return current().stage(name)


def milestone(name: str) -> None:
    """Mark this moment."""
    current().milestone(name)


def note(data: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Keep anything structured in the run's record."""
    current().note(data, **more)


def progress(done: float, total: float) -> None:
    """How far the run is."""
    current().progress(done, total)


def uses(framework: str, version: str = "") -> None:
    """Say which framework trains."""
    current().uses(framework, version)


def artifact(path: str | os.PathLike[str], kind: str = "other", name: str = "") -> None:
    """Keep a copy of a file with the run."""
    current().artifact(path, kind, name)


def attach(name: str, mode: str = "w", kind: str = "other") -> Attachment:
    """A new file to write, kept with the run."""
    return current().attach(name, mode, kind)


def flush(timeout: float = 5.0) -> bool:
    """Wait until all that was reported has arrived; True at once where nothing is open."""
    return open_reporters[-1].flush(timeout) if open_reporters else True


def fail(why: str = "") -> None:
    """End the current run as failed."""
    current().fail(why)


def finish() -> None:
    """End the current run, if there is one; the next call opens a new one."""
    if open_reporters:
        open_reporters[-1].finish()


def status() -> dict[str, Any]:
    """How the current run stands; empty where none is open."""
    return open_reporters[-1].status() if open_reporters else {}


reportMetric = report_metric  # noqa: N816 - the older library's spelling
reportParameter = report_parameter  # noqa: N816
