"""Reports a training run's metrics and parameters, without training ever waiting for it.

import reporter

with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
"""

from reporter.errors import NameRefused, ReporterError, SettingRefused, ValueRefused
from reporter.names import State
from reporter.reporter.module_level import (
    artifact,
    attach,
    fail,
    finish,
    flush,
    metric,
    milestone,
    note,
    progress,
    report_metric,
    report_metrics,
    report_parameter,
    report_parameters,
    reportMetric,
    reportParameter,
    stage,
    status,
    tag,
    uses,
)
from reporter.reporter.scope import Reporter
from reporter.run import __version__

__all__ = [
    "NameRefused",
    "Reporter",
    "ReporterError",
    "SettingRefused",
    "State",
    "ValueRefused",
    "__version__",
    "artifact",
    "attach",
    "fail",
    "finish",
    "flush",
    "metric",
    "milestone",
    "note",
    "progress",
    "reportMetric",
    "reportParameter",
    "report_metric",
    "report_metrics",
    "report_parameter",
    "report_parameters",
    "stage",
    "status",
    "tag",
    "uses",
]
