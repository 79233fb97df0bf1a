"""What every integration has in common: whom it reports to, and that training never notices."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from reporter.reporter.module_level import current
from reporter.reporter.notices import say
from reporter.reporter.pace import Pace
from reporter.reporter.scope import Reporter


def required(module: str, extra: str, oldest: tuple[int, ...]) -> ModuleType:
    """The framework, or an ImportError that says what to install."""
    wanted = ".".join(map(str, oldest))
    install = f"pip install 'run-reporter[{extra}]'"
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this integration needs {module} {wanted} or newer ({error}): {install}"
        ) from error
    version = str(getattr(found, "__version__", ""))
    if _numbers(version) < oldest:
        raise ImportError(
            f"this integration needs {module} {wanted} or newer, and {version} is installed:"
            f" {install}"
        )
    return found


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _overridden(kind: type[Reporter]) -> bool:
    return kind.report_metric is not Reporter.report_metric


class Voice:
    """Reports for an integration: nothing that a report refuses, or a subclass does, gets out.

    Metrics and parameters are those of rank 0 unless `all_ranks`; time and stages are each rank's.
    """

    def __init__(self, reporter: Reporter | None = None, *, all_ranks: bool = False) -> None:
        """Without a Reporter it is the innermost open one, else the implicit one."""
        self.reporter = current() if reporter is None else reporter
        self.leads = all_ranks or self.reporter.rank == 0
        self._said: set[str] = set()
        kind = type(self.reporter)
        # A subclass of the older library's kind overrides these names, and means to be asked.
        self._metric: Any = self.reporter.report_metric
        if kind.reportMetric is not Reporter.reportMetric:
            self._metric = lambda name, value, _step=None: self.reporter.reportMetric(name, value)
        self._parameter: Any = self.reporter.report_parameter
        if kind.reportParameter is not Reporter.reportParameter:
            self._parameter = self.reporter.reportParameter

    @property
    def pace(self) -> Pace:
        """This rank's own."""
        return self.reporter.pace

    def handle(self, name: str) -> Callable[..., None]:
        """For what is reported often: `handle(value, step)`, which may raise where `metric` says.

        On a rank that does not lead it does nothing.
        """
        if not self.leads:
            return lambda _value, _step=None: None
        kind = type(self.reporter)
        if kind.reportMetric is Reporter.reportMetric and not _overridden(kind):
            return self.reporter.metric(name)
        return partial(self._metric, name)

    def metric(self, name: str, value: Any, step: int | None = None) -> None:
        """Report a number, on the rank that leads."""
        if not self.leads:
            return
        try:
            self._metric(name, value, step)
        except Exception as error:  # noqa: BLE001 - training is never affected
            self.complain(name, error)

    def metrics(self, values: Mapping[str, Any] | None, step: int | None = None) -> None:
        """Report several numbers; what is none is left out, and said once."""
        for name, value in (values or {}).items():
            self.metric(name, value, step)

    def parameter(self, name: str, value: Any) -> None:
        """Report a setting, on the rank that leads."""
        if not self.leads:
            return
        try:
            self._parameter(name, value)
        except Exception as error:  # noqa: BLE001 - as above
            self.complain(name, error)

    def parameters(self, values: Mapping[str, Any] | None) -> None:
        """Report several settings."""
        for name, value in (values or {}).items():
            self.parameter(name, value)

    def tag(self, key: str, value: Any = "") -> None:
        """Tag the run, on the rank that leads."""
        if not self.leads:
            return
        try:
            self.reporter.tag(key, value)
        except Exception as error:  # noqa: BLE001 - as above
            self.complain(key, error)

    def complain(self, name: str, error: Exception) -> None:
        """Say once that something is not reported, and why."""
        if name not in self._said:
            self._said.add(name)
            say(f"{name} is not reported: {error}")
