"""What a Trainer is at, and what is told of it: one object from `setup` to `teardown`."""

from __future__ import annotations

import math
import sys
from typing import Any
from weakref import WeakSet

from reporter.reporter.files import Stage
from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import harmless
from reporter_integrations._lightning_batches import STEPPED, Batches
from reporter_integrations._lightning_package import PACKAGES
from reporter_integrations._lightning_steps import steps_of
from reporter_integrations._lightning_times import Times
from reporter_integrations._torch_facts import layers_of, parameters_of, settings_of
from reporter_integrations._voice import Voice

followed: WeakSet[Reporter] = WeakSet()  # what a callback of ours tells of its epochs


class Going:
    """A fit, validation, test or prediction that goes on."""

    def __init__(self, trainer: Any, voice: Voice, outer: Going | None) -> None:
        self.trainer, self.voice, self.outer = trainer, voice, outer
        self.times = Times(voice.pace)
        self.waits_for_others = trainer.world_size > 1
        self.batches: Batches | None = None  # once it trains
        self._stages: list[tuple[str, Stage]] = []
        self._steps = steps_of(voice.reporter)
        self._offset_before = self._steps.offset
        self._align()
        followed.add(voice.reporter)
        voice.reporter.uses("lightning", _version_of(trainer))

    def close(self) -> None:
        """It is over, however it ended."""
        self.times.close()
        self._steps.reach(self.run_step())
        self._steps.offset = self._offset_before
        while self._stages:
            self._stages.pop()[1].__exit__()

    def enter(self, stage: str) -> None:
        self.times.turn("other")
        self._stages.append((stage, self.voice.reporter.stage(stage)))

    def leave(self, stage: str, phase: str = "other") -> None:
        """It took the time until now, if it is the one that goes on."""
        if self._stages and self._stages[-1][0] == stage:
            self.times.turn(phase)
            self._stages.pop()[1].__exit__()

    def begin(self, module: Any) -> None:
        """Training: what is known of the whole of it."""
        self.enter("train")
        self._align()  # once more: by now a checkpoint is read, and may have moved its step
        self.batches = Batches(self.trainer, self.voice, self.times, self._offset)
        self.times.hear_fetches(self.trainer.fit_loop.epoch_loop)
        epochs = self.trainer.max_epochs
        if epochs is not None and epochs > 0:
            self.voice.metric("overall_epochs", epochs)
        self._introduce(module)

    def end(self) -> None:
        """No step is still to come, also where it was stopped early."""
        self.leave("train")
        self.voice.pace.expect(0)

    def _align(self) -> None:
        """Its steps follow those that the run has done."""
        if self.outer is not None and self.outer.voice.reporter is self.voice.reporter:
            self._steps.reach(self.outer.run_step())
        self._offset = self._steps.begin(self._own_step())

    def _own_step(self) -> int:
        return int(getattr(self.trainer.fit_loop.epoch_loop, STEPPED, 0))

    def run_step(self) -> int:
        """How many steps the run has done with this one."""
        return self._own_step() + self._offset

    @harmless
    def _introduce(self, module: Any) -> None:
        optimizers = self.trainer.optimizers
        if optimizers:
            self.voice.parameters(settings_of(optimizers[0]))
        if len(optimizers) > 1:
            names = (type(each).__name__ for each in optimizers)
            self.voice.parameter("optimizer_name", ", ".join(names))
        self.voice.metric("number_of_layers", layers_of(module))
        self.voice.parameter("number_of_parameters", parameters_of(module))

    def begin_epoch(self, epoch: int) -> None:
        """Each time anew what is still to come: a training that is resumed begins anywhere."""
        self.times.begin_epoch()
        self.voice.metric("epoch", epoch, self.run_step())
        total = self.trainer.estimated_stepping_batches
        if total is not None and 0 < total < math.inf:
            self.voice.pace.expect(total - self._own_step())

    @harmless
    def measure(self, optimizer: Any, every: bool | int) -> None:
        """The norm of all gradients, where they lie: no device is waited for."""
        steps, batches = self.trainer.log_every_n_steps if every is True else every, self.batches
        if batches is None or not self.voice.leads or steps <= 0 or batches.step % steps:
            return
        groups = optimizer.param_groups
        found = [each.grad for group in groups for each in group["params"]]
        norm = sys.modules["torch"].linalg.vector_norm
        norms = [norm(gradient.detach()) for gradient in found if gradient is not None]
        if norms:
            together = sys.modules["torch"].stack([each.to(norms[0].device) for each in norms])
            self.voice.metric("gradient_norm", norm(together), batches.step)


def _version_of(trainer: Any) -> str:
    """That of the package which this Trainer, or what it is a subclass of, comes from."""
    modules = [kind.__module__ for kind in type(trainer).__mro__]
    for each in PACKAGES:
        if any(name.startswith(f"{each}.") for name in modules):
            return str(getattr(sys.modules[each], "__version__", ""))
    return ""
