"""What this library raises, and nothing else does.

ReporterError
├── NameRefused      (ValueError)  a metric, parameter or tag has no usable name
├── ValueRefused     (TypeError)   the first value under a name is not one number
├── SettingRefused   (ValueError)  a setting is wrong; names the setting and the value
├── RecordDamaged    (ValueError)  a folder is not a run's record
└── MissingExtra     (ImportError) a part of the product needs another package
"""


class ReporterError(Exception):
    """The base of every error of this library."""


class NameRefused(ReporterError, ValueError):
    """A metric, parameter or tag has no usable name."""


class ValueRefused(ReporterError, TypeError):
    """The first value under a name is not one number."""


class SettingRefused(ReporterError, ValueError):
    """A setting is wrong."""

    def __init__(self, setting: str, value: object, problem: str) -> None:
        super().__init__(f"{setting}={value!r}: {problem}")
        self.setting = setting


class RecordDamaged(ReporterError, ValueError):
    """A folder is not a run's record."""


class MissingExtra(ReporterError, ImportError):
    """A part of the product needs another package."""
