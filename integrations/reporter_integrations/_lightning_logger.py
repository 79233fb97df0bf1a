"""What users log with `self.log` and save as hyperparameters, as Lightning hands it to loggers."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, foresee, open_reporters
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._lightning_ends import caught
from reporter_integrations._lightning_steps import offset_of
from reporter_integrations._lightning_training import followed
from reporter_integrations._voice import Voice

_DEEPEST = 16  # a dictionary may hold itself


class ReporterLogger(Hooks):
    """Reports what is logged: to the innermost open Reporter, else to the implicit one.

        trainer = Trainer(logger=ReporterLogger())

    Lightning calls it every `log_every_n_steps`. `experiment` is the Reporter. Leaving its scope
    ends the run; `finalize` does not.
    """

    _now: Voice | None

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        save_dir: str | None = None,
        all_ranks: bool = False,
    ) -> None:
        """`save_dir` is for checkpoints, which are the Trainer's: without it where they are else.

        Metrics and parameters are those of rank 0, unless `all_ranks`.
        """
        super().__init__(reporter, all_ranks=all_ranks)
        self._save_dir = save_dir

    @property
    def name(self) -> str | None:
        """The project of the run; None before there is one."""
        voice = self._now
        return None if voice is None else voice.reporter.settings.project

    @property
    def version(self) -> str | None:
        """The run's id; None before there is one."""
        voice = self._now
        return None if voice is None else voice.reporter.run_id

    @property
    def save_dir(self) -> str | None:
        return self._save_dir

    @property
    def experiment(self) -> Reporter:
        """The Reporter; what is reported with it directly is reported on every rank."""
        return self._speak().reporter

    @harmless
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """A tensor on a device is kept, and read when it is ready."""
        voice = self._speak()
        # Lightning adds the epoch to whatever is logged, testing included.
        known = {"epoch"} if voice.reporter in followed else set()
        offset = offset_of(voice.reporter)
        step = step + offset if offset and step is not None else step
        voice.metrics({name: metrics[name] for name in metrics if name not in known}, step)

    @harmless
    def log_hyperparams(self, params: Any, *_args: Any, **_kwargs: Any) -> None:
        """What is nested gets names with slashes between, as in Lightning's own loggers."""
        self._speak().parameters(dict(_flat("", params)))

    @harmless
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """The best checkpoint so far, and its score where there is one."""
        path = getattr(checkpoint_callback, "best_model_path", "")
        score = getattr(checkpoint_callback, "best_model_score", None)
        if path:
            self._speak().parameter("best_model_path", path)
        if score is not None:
            self._speak().metric("best_model_score", score)

    @harmless
    def finalize(self, status: str) -> None:
        """Training is over, for now: the run ends with its scope, and the next `fit` goes on."""
        if status != "success" and self._now is not None:
            foresee(self._now.reporter, caught(sys.exc_info()[1]))

    def _speak(self) -> Voice:
        """To whom it is reported now: a scope that was left since hears nothing more."""
        voice = self._now
        if voice is None or (self._reporter is None and voice.reporter not in open_reporters):
            voice = self._now = self._voice()
        voice.leads = self._all_ranks or _rank_of_lightning() == 0
        return voice


def _rank_of_lightning() -> int:
    # Not imported here: where Lightning is missing, the message is to name it and not a part of it.
    found = getattr(sys.modules.get("lightning_utilities.core.rank_zero"), "rank_zero_only", None)
    return getattr(found, "rank", 0) or 0


def _flat(above: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        say(f"hyperparameters below {above} are not reported: they are nested too deep")
        return
    parts = _parts(value)
    if parts is None:
        yield above, value
        return
    for key, part in parts.items():
        yield from _flat(f"{above}/{key}" if above else str(key), part, depth + 1)


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """What it holds by name; None where it is one value."""
    if isinstance(value, Namespace):
        return vars(value)
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        return dict(enumerate(value))
    return None
