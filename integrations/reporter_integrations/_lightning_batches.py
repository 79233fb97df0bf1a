"""What is told of each batch. Training pays for these calls, so they look nothing up twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reporter.reporter.notices import say
from reporter_integrations._lightning_times import Times
from reporter_integrations._torch_facts import samples_in
from reporter_integrations._voice import Voice

STEPPED = "_batches_that_stepped"  # of Lightning's training loop: the step that loggers get

_NOTHING = object()  # no key of any batch


class Batches:
    """The batches of one training, told of by the step that Lightning's loggers get.

    `offset` makes it one of the run, where that has trained before.
    """

    __slots__ = (
        "_count", "_first", "_going", "_loop", "_offset", "_rates", "_size", "_tell_loss",
        "_tell_step", "_times", "_trainer", "_voice", "step",
    )  # fmt: skip

    def __init__(self, trainer: Any, voice: Voice, times: Times, offset: int) -> None:
        self._offset = offset
        self._trainer, self._voice, self._times = trainer, voice, times
        self._loop, self._count = trainer.fit_loop.epoch_loop, voice.pace.step
        self._rates = _Rates(trainer.optimizers, voice)
        self._tell_step: Callable[..., None] | None = None  # made when there is something to tell
        self._tell_loss: Callable[..., None] | None = None
        self._first: Any = (
            _NOTHING  # the key of a batch's part that shows its size, once it is known
        )
        self._going, self._size, self.step = False, 0, 0

    def begin(self) -> None:
        """One is there, on its device."""
        try:
            self._times.turn("data")
            self._going = True
            self.step = self._loop._batches_that_stepped + self._offset  # noqa: SLF001 - STEPPED
            if self._voice.leads:
                self._rates.tell(self.step)
        except Exception as error:  # noqa: BLE001 - training is never affected
            _say(error)

    def end(self, outputs: Any, batch: Any, index: int) -> None:
        """It is done with. A second call for the same one is no news."""
        if not self._going:
            return
        self._going = False
        try:
            self._times.turn("compute")
            try:
                samples = batch[self._first].shape[0]
            except Exception:  # noqa: BLE001 - the first one, or this one is built otherwise
                samples = self._samples_in(batch)
            parts = self._trainer.accumulate_grad_batches
            if parts == 1 or not (index + 1) % parts or self._trainer.is_last_batch:
                self._count(samples)
                if self._voice.leads:
                    self._tell(outputs, samples, parts)
            else:
                self._count(samples, 0)
        except Exception as error:  # noqa: BLE001 - as above
            _say(error)

    def _tell(self, outputs: Any, samples: int, parts: int) -> None:
        step = self.step
        if self._tell_step is None:
            self._tell_step = self._voice.handle("step")
        self._tell_step(step, step)
        if samples > self._size:  # the last one of an epoch may be a smaller rest
            self._size = samples
            self._voice.metric("batch_size", samples, step)
        loss = outputs.get("loss") if type(outputs) is dict else None
        if loss is not None:
            if self._tell_loss is None:
                self._tell_loss = self._voice.handle("loss")
            # Of accumulated batches Lightning gives each its share.
            self._tell_loss(loss if parts == 1 else loss * parts, step)

    def _samples_in(self, batch: Any) -> int:
        """Of one that is built in a new way: the next ones are built likewise, most often."""
        self._first = _NOTHING
        if getattr(batch, "shape", None):
            self._first = ...  # it is an array itself
        elif isinstance(batch, (dict, tuple, list)) and batch:
            first = next(iter(batch)) if isinstance(batch, dict) else 0
            if getattr(batch[first], "shape", None):
                self._first = first
        return samples_in(batch)


class _Rates:
    """The learning rates, told of when they change."""

    __slots__ = ("_known", "_voice")

    def __init__(self, optimizers: Any, voice: Voice) -> None:
        self._voice = voice
        names = ["learning_rate", *(f"learning_rate/{k}" for k in range(1, len(optimizers)))]
        self._known = [[*each, None] for each in zip(names, optimizers, strict=False)]

    def tell(self, step: int) -> None:
        for each in self._known:
            name, optimizer, before = each
            rate = optimizer.param_groups[0]["lr"]
            # A tensor is not compared: it may be on a device, and one would wait for that.
            if type(rate) is not float or rate != before:
                each[2] = rate
                self._voice.metric(name, rate, step)


def _say(error: Exception) -> None:
    say(f"not all of a batch is reported: {type(error).__name__}: {error}")
