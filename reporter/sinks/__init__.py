"""Owns the destinations of the sender: one module each, and the table that finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reporter.sinks.base import Sink
    from reporter.sinks.pushgateway import Target


def sink_for(target: Target, timeout_s: float = 10.0) -> Sink:
    """The sink that serves this target."""
    # Imported late: a sender without a gateway never pays for what makes the text.
    from reporter.sinks.pushgateway import Pushgateway  # noqa: PLC0415

    return Pushgateway(target, timeout_s)
