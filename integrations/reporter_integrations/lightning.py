"""PyTorch Lightning 2: a Logger for what users log, and a Callback for how training goes on.

from lightning.pytorch import Trainer
from reporter_integrations.lightning import ReporterCallback, ReporterLogger

Trainer(logger=ReporterLogger(), callbacks=[ReporterCallback()])

They are those of `pytorch_lightning` where the program has imported that one, and of both where
it has imported both.
"""

from __future__ import annotations

from typing import Any

from reporter_integrations import _lightning_callback, _lightning_logger
from reporter_integrations._lightning_package import in_use, subclass

__all__ = ["ReporterCallback", "ReporterLogger"]

_packages = in_use()

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
