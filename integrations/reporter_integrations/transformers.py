"""Hugging Face Transformers: what a Trainer logs, how it goes on, and what it was told.

    Trainer(…, callbacks=[ReporterCallback()])

or, so that it need not be given to every Trainer:

    reporter_integrations.transformers.register()
    TrainingArguments(…, report_to="reporter")
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from reporter.reporter.files import Stage
from reporter.reporter.notices import say
from reporter.reporter.scope import open_reporters
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._settings import plain_settings
from reporter_integrations._torch_facts import layers_of, parameters_of, settings_of
from reporter_integrations._voice import Voice, required
from reporter_integrations._watch import Watch

_transformers = required("transformers", "transformers", (4, 30))

from transformers import TrainerCallback  # noqa: E402 - once it is known to be there

_NAME = "reporter"


class ReporterCallback(Hooks, TrainerCallback):
    """Reports everything that a Trainer logs, under its names and by its global step.

    Samples are counted as batches of the size that was asked for: a last one may be smaller.
    The time of the data is that between steps. Other callbacks' own time is in there too.
    """

    @harmless
    def on_train_begin(
        self, args: Any, state: Any, _control: Any, model: Any = None, **given: Any
    ) -> None:
        """A training begins; of one that failed before, nothing is left."""
        for failed in [each for each in (self._now or {}).values() if each.args is args]:
            failed.leave()
            self._forget(failed)
        now = self._begin(state)
        if now is None:
            return
        size = getattr(state, "train_batch_size", None) or args.train_batch_size
        now.train(args, size)
        now.voice.pace.expect(state.max_steps - state.global_step)
        _report_settings(now.voice, args, model, given.get("optimizer"))
        now.voice.metric("batch_size", size)
        if state.num_train_epochs < sys.maxsize:  # as many as there may be, where steps count
            now.voice.metric("overall_epochs", state.num_train_epochs)

    @harmless
    def on_step_begin(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """The batches of a step are there."""
        now = self._going_on(state)
        if now is not None:
            now.end_validation()  # if it failed, and training goes on
            now.watch.lap("data")

    @harmless
    def on_substep_end(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """A batch is done, and its step is not."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("compute")
            now.batches += 1

    @harmless
    def on_step_end(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """A step is done."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("compute")
            now.voice.pace.step((now.batches + 1) * now.batch_size)
            now.batches = 0
            now.voice.metric("step", state.global_step, state.global_step)

    @harmless
    def on_log(
        self, _args: Any, state: Any, _control: Any, logs: Any = None, **_given: Any
    ) -> None:
        """The Trainer has waited for its values."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("validation" if now.validating else "compute")
        else:  # a user's own, or an evaluation without a batch
            now = self._begin(state)
        if now is not None:
            now.voice.metrics(logs, state.global_step)
            self._forget(now)

    @harmless
    def on_prediction_step(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """A batch of an evaluation or a prediction, in a training or alone."""
        now = self._going_on(state)
        if now is None or (now.is_over and not now.validating):
            now = self._begin(state)
        if now is not None:
            now.validate()
            now.watch.lap("validation")

    @harmless
    def on_evaluate(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """An evaluation is over; its metrics have been logged."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("validation")
            now.end_validation()
            self._forget(now)

    @harmless
    def on_predict(
        self, _args: Any, state: Any, _control: Any, metrics: Any, **_given: Any
    ) -> None:
        """A prediction is over; its metrics are logged by nobody else."""
        now = self._going_on(state)
        if now is not None:
            now.voice.metrics(metrics, state.global_step)
        self.on_evaluate(None, state, None)

    @harmless
    def on_save(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """A checkpoint has been written."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("checkpoint")
            now.voice.pace.checkpoint()

    @harmless
    def on_train_end(self, _args: Any, state: Any, _control: Any, **_given: Any) -> None:
        """The training has come to its end."""
        now = self._going_on(state)
        if now is not None:
            now.watch.lap("other")
            now.leave()
            self._forget(now)

    def _going_on(self, state: Any) -> _GoingOn | None:
        """What goes on in the Trainer of this state, if it is ours to tell."""
        found = (self._now or {}).get(id(state))
        return found if isinstance(found, _GoingOn) else None

    def _begin(self, state: Any) -> _GoingOn | None:
        """Something begins, unless another callback of the same Trainer tells it."""
        if not _told_by(self, state):
            say("a Trainer has two ReporterCallbacks: the first one reports")
            return None
        before = self._going_on(state)
        if before is not None:
            before.leave()
        voice = self._voice()
        if not (self._all_ranks or state.is_world_process_zero):
            voice.leads = False
        voice.reporter.uses("transformers", _transformers.__version__)
        now = _GoingOn(state, voice)
        self._now = {**(self._now or {}), id(state): now}
        return now

    def _forget(self, now: _GoingOn) -> None:
        """What is over is kept no longer."""
        if now.stage is None and not now.validating:
            self._now = {key: each for key, each in self._now.items() if each is not now}


# By the number of their Trainer's state, which cannot be hashed.
_tellers: dict[int, weakref.ref[ReporterCallback]] = {}


def _told_by(callback: ReporterCallback, state: Any) -> bool:
    """Whether this callback is the one of its Trainer that reports: the first that asks."""
    teller = _tellers.get(id(state), lambda: None)()
    if teller is not None:
        return teller is callback
    if id(state) not in _tellers:
        weakref.finalize(state, _tellers.pop, id(state), None).atexit = False
    _tellers[id(state)] = weakref.ref(callback)
    return True


class _GoingOn:
    """A training, or an evaluation by itself."""

    def __init__(self, state: Any, voice: Voice) -> None:
        self.state, self.voice = state, voice
        self.watch = Watch(voice.pace)
        self.args: Any = None  # of the training
        self.batches, self.batch_size = 0, 0
        self.stage: Stage | None = None
        self._validation: Stage | None = None

    @property
    def validating(self) -> bool:
        return self._validation is not None

    @property
    def is_over(self) -> bool:
        """The run has ended: a training failed in it, and nobody said so."""
        return self.voice.reporter not in open_reporters

    def train(self, args: Any, batch_size: int) -> None:
        self.args, self.batch_size = args, batch_size
        self.stage = self.voice.reporter.stage("train")

    def validate(self) -> None:
        if self._validation is None:
            self._validation = self.voice.reporter.stage("validation")

    def end_validation(self) -> None:
        if self._validation is not None:
            self._validation.__exit__()
            self._validation = None

    def leave(self) -> None:
        self.end_validation()
        if self.stage is not None:
            self.stage.__exit__()
            self.stage = None


def _report_settings(voice: Voice, args: Any, model: Any, optimizer: Any) -> None:
    voice.parameters(plain_settings(vars(args)))
    try:
        config = getattr(model, "config", None)
        if config is not None:
            voice.parameters(plain_settings(config.to_dict(), "model."))
        if optimizer is not None:
            voice.parameters(settings_of(optimizer))
        loss = getattr(model, "loss_type", None)
        if isinstance(loss, str):
            voice.parameter("loss_method", loss)
        layers = getattr(config, "num_hidden_layers", None)
        voice.metric("number_of_layers", layers_of(model) if layers is None else layers)
        voice.parameter("number_of_parameters", parameters_of(model))
    except Exception as error:  # noqa: BLE001 - of whatever kind a model is
        say(f"not everything about model and optimizer is reported: {error}")


def register() -> None:
    """From now on `TrainingArguments(report_to="reporter")` gives a Trainer this callback.

    `report_to="all"` goes on to mean what it means without us.
    """
    _registered().setdefault(_NAME, ReporterCallback)


def unregister() -> None:
    """Take that back; Trainers that have the callback keep it."""
    if _registered().get(_NAME) is ReporterCallback:
        del _registered()[_NAME]


def _registered() -> dict[str, Any]:
    found: dict[str, Any] = _transformers.integrations.INTEGRATION_TO_CALLBACK
    return found
