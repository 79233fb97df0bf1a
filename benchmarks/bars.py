"""Every bar in one place: what a figure may be at most or must be at least, and what we aim at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """The figure of this name may be `most` at most, and must be `least` at least."""

    figure: str
    says: str
    unit: str
    most: float | None = None
    least: float | None = None
    target: float | None = None

    def met(self, figures: Mapping[str, float]) -> bool | None:
        """None where the figure was not measured."""
        found = figures.get(self.figure)
        if found is None:
            return None
        return (self.most is None or found <= self.most) and (
            self.least is None or found >= self.least
        )

    @property
    def limit(self) -> str:
        """The bar itself, in words."""
        words = [f"at most {self.most:g}"] if self.most is not None else []
        words += [f"at least {self.least:g}"] if self.least is not None else []
        return ", ".join(words)


LATE_S = 0.25  # a later value's delay, beyond the interval
EXIT_S = 5.1  # the exit timeout and a little

BARS = (
    Bar("report_metric", "report_metric, every point kept", "x dict store", 4.0, target=2.5),
    Bar("report_metric step=", "the same with a step", "x dict store", 4.5, target=3.0),
    Bar("points=False", "report_metric, points=False", "x dict store", 1.8),
    Bar("handle to report_metric", "a handle", "x report_metric", 1.0),
    Bar("report_metric to Gauge.set", "report_metric", "x Gauge.set", 1.0),
    Bar("report_metric to Queue.put", "report_metric", "x Queue.put", 1.0),
    Bar("p99.9 us", "p99.9 of single calls in a row, timer included", "us", 20.0),
    Bar("p99.9 worst ms", "the same, the worst of all gateways dead or alive", "ms", 1.0),
    Bar("longest ms", "the longest of all those calls", "ms", 50.0),
    Bar("paced newest", "ten metrics each 5 ms, points=False", "x dict store", 2.0),
    Bar("paced points", "the same, every point kept", "x dict store", 4.0),
    Bar("paced share %", "the same, of a step of 1 ms", "%"),
    Bar("product newest", "a matrix product between reports, points=False", "x empty call", 1.15),
    Bar("product points", "the same, every point kept", "x empty call", 1.15),
    Bar("first entry ms", "import and first entry, beyond import subprocess", "ms", 60.0),
    Bar("foreign modules", "modules from outside the standard library", "modules", 0),
    Bar("later entry ms", "later entries", "ms", 10.0),
    Bar("sender MB", "the sender's private memory, less the ring", "MB", 40.0, target=30.0),
    Bar("sender CPU %", "the sender's CPU, 100 metrics a second", "% of a core", 1.0),
    Bar("first value s", "first value on the gateway after entering", "s", 1.0),
    Bar("late s", "a later value, beyond the interval", "s", LATE_S),
    Bar("leave healthy s", "leaving after 100,000 reports, healthy gateway", "s", 1.0),
    Bar("leave closed s", "the same, closed port", "s", EXIT_S),
    Bar("leave silent s", "the same, silent gateway", "s", EXIT_S),
    Bar("dropped", "reports dropped while measuring", "reports", 0),
)

_CHEAPER = "x report_metric, points=False"

PEER_BARS = (
    Bar("queue and push", "queue and push, a call", _CHEAPER, least=7.0),
    Bar("OpenTelemetry", "OpenTelemetry, a call", _CHEAPER, least=25.0),
    Bar("tensorboardX", "tensorboardX, a call", _CHEAPER, least=250.0),
    Bar("wandb, offline", "wandb offline, a call", _CHEAPER, least=1000.0),
    Bar("Gauge.set", "Gauge.set, a call", "x report_metric, every point kept", least=1.0),
    Bar("paced newest", "ten metrics each 5 ms, points=False", "x dict store", 2.0),
    Bar("paced points", "the same, every point kept", "x dict store", 4.0),
    Bar("product newest", "a matrix product between reports, points=False", "x empty call", 1.15),
    Bar("product points", "the same, every point kept", "x empty call", 1.15),
    Bar("product queue", "a matrix product between reports, queue and push", "x empty call"),
    Bar("p99.9 worst ms", "p99.9 of our single calls, any gateway dead or alive", "ms", 1.0),
    Bar("longest ms", "the longest of all those calls", "ms", 50.0),
    Bar("leave healthy s", "leaving ours after 100,000 reports", "s", 1.0),
    Bar("leave closed s", "leaving ours, closed port", "s", EXIT_S),
    Bar("leave silent s", "leaving ours, silent gateway", "s", EXIT_S),
    Bar("dropped", "reports of ours dropped while measuring", "reports", 0),
)

_FITS = (
    ("keras tensorflow", "Keras on TensorFlow", 10.0, None),
    ("keras torch", "Keras on torch", 10.0, None),
    ("keras jax", "Keras on JAX", 10.0, None),
    ("lightning", "Lightning", 20.0, 10.0),
)
P99_BEYOND = "p99 beyond"  # three times the empty callback's

FRAMEWORK_BARS = tuple(
    bar
    for name, says, most, target in _FITS
    for bar in (
        Bar(f"{name} us", f"{says}: a batch, in our hooks", "us", most, target=target),
        Bar(f"{name} {P99_BEYOND}", "its p99, beyond 3 x the empty callback's", "us", 10.0),
    )
)


def table(figures: Mapping[str, float], bars: Iterable[Bar]) -> list[str]:
    """One line a bar: what it says, what was measured, met or missed."""
    return [_line(bar, figures) for bar in bars]


def missed(figures: Mapping[str, float], bars: Iterable[Bar]) -> list[str]:
    """The figures that miss their bar."""
    return [bar.figure for bar in bars if bar.met(figures) is False]


def _line(bar: Bar, figures: Mapping[str, float]) -> str:
    found = figures.get(bar.figure)
    shown = "-" if found is None else f"{found:.2f}"
    word = {True: "met" if bar.limit else "", False: "MISSED", None: "not measured"}
    aim = "" if bar.target is None else f" (target {bar.target:g})"
    limit = f"{bar.limit}{aim}"
    return f"{bar.says:<52}{shown:>9} {bar.unit:<34} {limit:<24} {word[bar.met(figures)]}"
