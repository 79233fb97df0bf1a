"""Every bar in one place: what a figure may be at most, and what we aim at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """The figure of this name may be `most` at most."""

    figure: str
    says: str
    most: float
    unit: str
    target: float | None = None

    def met(self, figures: Mapping[str, float]) -> bool | None:
        """None where the figure was not measured."""
        found = figures.get(self.figure)
        return None if found is None else found <= self.most


LATE_S = 0.25  # a later value's delay, beyond the interval
EXIT_TIMEOUT_S = 5.0
EXIT_SLACK_S = 0.1

BARS = (
    Bar("report_metric", "report_metric, every point kept", 4.0, "x dict store", 2.5),
    Bar("report_metric step=", "the same with a step", 4.5, "x dict store", 3.0),
    Bar("points=False", "report_metric, points=False", 1.8, "x dict store"),
    Bar("handle to report_metric", "a handle", 1.0, "x report_metric"),
    Bar("report_metric to Gauge.set", "report_metric", 1.0, "x Gauge.set"),
    Bar("report_metric to Queue.put", "report_metric", 1.0, "x Queue.put"),
    Bar("p99.9 us", "p99.9 of a single call, timer included", 20.0, "us"),
    Bar("first entry ms", "import and first entry, beyond import subprocess", 60.0, "ms"),
    Bar("foreign modules", "modules from outside the standard library", 0, "modules"),
    Bar("later entry ms", "later entries", 10.0, "ms"),
    Bar("sender MB", "the sender's private memory, less the ring", 40.0, "MB", 30.0),
    Bar("sender CPU %", "the sender's CPU, 100 metrics a second", 1.0, "% of a core"),
    Bar("first value s", "first value on the gateway after entering", 1.0, "s"),
    Bar("late s", "a later value, beyond the interval", LATE_S, "s"),
    Bar("leave healthy s", "leaving after 100,000 reports, healthy gateway", 1.0, "s"),
    Bar("leave closed s", "the same, closed port", EXIT_TIMEOUT_S + EXIT_SLACK_S, "s"),
    Bar("leave silent s", "the same, silent gateway", EXIT_TIMEOUT_S + EXIT_SLACK_S, "s"),
    Bar("dropped", "reports dropped while measuring", 0, "reports"),
)


def table(figures: Mapping[str, float]) -> list[str]:
    """One line a bar: what it says, what was measured, met or missed."""
    return [_line(bar, figures) for bar in BARS]


def missed(figures: Mapping[str, float]) -> list[Bar]:
    """The bars that a figure is above."""
    return [bar for bar in BARS if bar.met(figures) is False]


def _line(bar: Bar, figures: Mapping[str, float]) -> str:
    found = figures.get(bar.figure)
    shown = "-" if found is None else f"{found:.2f}"
    word = {True: "met", False: "MISSED", None: "not measured"}[bar.met(figures)]
    aim = "" if bar.target is None else f" (target {bar.target:g})"
    limit = f"<= {bar.most:g}{aim}"
    return f"{bar.says:<52}{shown:>9} {bar.unit:<16} {limit:<22} {word}"
