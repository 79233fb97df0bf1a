"""Accelerate: what `accelerator.log` is given, and the configuration of its trackers.

    accelerator = Accelerator(log_with=ReporterTracker())
    accelerator.init_trackers("project", config={…})

or by its name, once it is registered:

    reporter_integrations.accelerate.register()
    accelerator = Accelerator(log_with="reporter")

Accelerate leaves the loop to you: `reporter_integrations.torch.ReporterLoop` times it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, inert_copy, open_reporters
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._settings import plain_settings
from reporter_integrations._voice import Voice, required

_accelerate = required("accelerate", "accelerate", (0, 26))

from accelerate import tracking  # noqa: E402 - once it is known to be there
from accelerate.state import PartialState  # noqa: E402

_NAME = "reporter"


class ReporterTracker(Hooks, tracking.GeneralTracker):
    """Reports to the innermost open Reporter, and leaves it open when training ends.

    Where none is open it opens one for this project, with these settings, and ends it.
    """

    name = _NAME
    requires_logging_directory = False
    main_process_only = False  # every process has a run's rank to open; the first one reports

    def __init__(
        self, project: str | None = None, *, reporter: Reporter | None = None, **settings: Any
    ) -> None:
        super().__init__(reporter)
        self._project, self._settings = project, settings
        self._own: Reporter | None = None

    @property
    def tracker(self) -> Reporter:
        """What `accelerator.get_tracker("reporter", unwrap=True)` gives."""
        return self._speaking().reporter

    @harmless
    def start(self) -> None:
        """The trackers begin; older releases of Accelerate do not say so."""
        if self._own not in open_reporters:
            self._now = self._begin()

    @harmless
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """The configuration becomes parameters; what lies deeper has dots in its name."""
        self._speaking().parameters(plain_settings(values, depth=3))

    @harmless
    def log(self, values: Mapping[str, Any], step: int | None = None, **_more: Any) -> None:
        """Numbers, and mappings of them."""
        self._speaking().metrics(dict(_flat(values)), step)

    def log_images(self, *_given: Any, **_more: Any) -> None:
        """Images are no metrics."""
        say("accelerator's images are not reported: keep files with Reporter.artifact")

    def log_table(self, *_given: Any, **_more: Any) -> None:
        """Neither are tables."""
        say("accelerator's tables are not reported: keep files with Reporter.artifact")

    @harmless
    def finish(self) -> None:
        """End the run if it was opened here: as failed, while an exception is on its way."""
        if self._own is not None:
            self._own.__exit__(*sys.exc_info())
            self._own = None

    def _speaking(self) -> Voice:
        if self._now is None:
            self._now = self._begin()
        voice: Voice = self._now
        return voice

    def _begin(self) -> Voice:
        nobody = self._reporter is None and not open_reporters
        self._own = self._opened() if nobody else None
        voice = Voice(self._own or self._reporter)
        voice.leads = voice.leads and PartialState().is_main_process
        voice.reporter.uses("accelerate", _accelerate.__version__)
        return voice

    def _opened(self) -> Reporter:
        try:
            return Reporter(self._project, **self._settings).__enter__()
        except Exception as error:  # noqa: BLE001 - a wrong setting stops no training
            say(f"this training is not reported: {error}")
            return inert_copy(Reporter)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def register() -> None:
    """From now on `Accelerator(log_with="reporter")` knows this tracker.

    `log_with="all"` goes on to mean what it means without us.
    """
    if not hasattr(tracking, "register_tracker_class"):
        raise ImportError(
            f"accelerate {_accelerate.__version__} knows no trackers by name but its own:"
            " give it ReporterTracker(), or install a newer release"
        )
    tracking.LOGGER_TYPE_TO_CLASS.setdefault(_NAME, ReporterTracker)


def unregister() -> None:
    """Take that back; Accelerators that have the tracker keep it."""
    if tracking.LOGGER_TYPE_TO_CLASS.get(_NAME) is ReporterTracker:
        del tracking.LOGGER_TYPE_TO_CLASS[_NAME]
