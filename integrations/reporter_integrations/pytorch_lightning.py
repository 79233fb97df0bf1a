"""The same as `reporter_integrations.lightning`, for `pytorch_lightning` whatever else is there."""

from __future__ import annotations

from typing import Any

from reporter_integrations import _lightning_callback, _lightning_logger
from reporter_integrations._lightning_package import PACKAGES, package, subclass

__all__ = ["ReporterCallback", "ReporterLogger"]

_packages = [package(PACKAGES[1])]

ReporterCallback: Any = subclass(
    "ReporterCallback",
    _lightning_callback.ReporterCallback,
    ("callbacks", "Callback"),
    _packages,
    __name__,
)
ReporterLogger: Any = subclass(
    "ReporterLogger", _lightning_logger.ReporterLogger, ("loggers", "Logger"), _packages, __name__
)
