"""How a Trainer goes on: stages, steps, where their time goes, checkpoints, and what ends it."""

from __future__ import annotations

from typing import Any

from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, foresee
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._lightning_ends import caught
from reporter_integrations._lightning_training import Going


class ReporterCallback(Hooks):
    """Reports training: to the innermost open Reporter, else to the implicit one.

        trainer = Trainer(callbacks=[ReporterCallback()])

    Every rank reports its stages and times. Where there are several, `compute` is what a rank
    does on its own, and `other` holds where it waits for the others: the backward pass above all.
    So a slow rank has more of `data` or `compute` than the others, and they have more of `other`.
    """

    _now: Going | None

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        gradient_norm: bool | int = False,
        all_ranks: bool = False,
    ) -> None:
        """`gradient_norm` is reported every so many steps; True: as often as Lightning logs.

        Metrics and parameters are those of rank 0, unless `all_ranks`.
        """
        super().__init__(reporter, all_ranks=all_ranks)
        self._gradient_norm = gradient_norm

    # From beginning to end.

    @harmless
    def setup(self, trainer: Any, _module: Any, stage: str) -> None:
        """A fit, validation, test or prediction begins; it may be within another one."""
        del stage
        ours = [each for each in trainer.callbacks if isinstance(each, ReporterCallback)]
        if ours and ours[0] is not self:
            say("a Trainer has more than one ReporterCallback; the first one reports")
            return
        outer = self._now
        if outer is not None and outer.trainer is trainer:
            outer = outer.outer
        voice = self._voice()
        voice.leads = self._all_ranks or bool(trainer.is_global_zero)
        foresee(voice.reporter, None)
        self._now = Going(trainer, voice, outer)

    @harmless
    def teardown(self, trainer: Any, _module: Any, stage: str) -> None:
        del stage
        self._leave(trainer)

    @harmless
    def on_exception(self, trainer: Any, _module: Any, exception: BaseException) -> None:
        """The scope sees the exception, but for what Lightning turns into an exit of its own."""
        if self._now is not None and self._now.trainer is trainer:
            foresee(self._now.voice.reporter, caught(exception))
            self._leave(trainer)

    def _leave(self, trainer: Any) -> None:
        now = self._now
        if now is not None and now.trainer is trainer:
            self._now = now.outer
            now.close()

    # Stages.

    @harmless
    def on_sanity_check_start(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.enter("sanity check")

    @harmless
    def on_sanity_check_end(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.leave("sanity check", "validation")

    @harmless
    def on_train_start(self, _trainer: Any, module: Any) -> None:
        if self._now is not None:
            self._now.begin(module)

    @harmless
    def on_train_epoch_start(self, trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.begin_epoch(trainer.current_epoch)

    @harmless
    def on_train_end(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.end()

    @harmless
    def on_validation_start(self, trainer: Any, _module: Any) -> None:
        if self._now is not None and not trainer.sanity_checking:
            self._now.enter("validation")

    @harmless
    def on_validation_end(self, trainer: Any, _module: Any) -> None:
        if self._now is not None and not trainer.sanity_checking:
            self._now.leave("validation", "validation")

    @harmless
    def on_test_start(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.enter("test")

    @harmless
    def on_test_end(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.leave("test")

    @harmless
    def on_predict_start(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.enter("predict")

    @harmless
    def on_predict_end(self, _trainer: Any, _module: Any) -> None:
        if self._now is not None:
            self._now.leave("predict")

    @harmless
    def on_save_checkpoint(self, _trainer: Any, _module: Any, _checkpoint: Any) -> None:
        if self._now is not None:
            self._now.times.begin_checkpoint()

    # Each batch: these cost as little as they can.

    def on_train_batch_start(
        self, _trainer: Any, _module: Any, _batch: Any, _batch_idx: int
    ) -> None:
        now = self._now
        if now is not None and now.batches is not None:
            now.batches.begin()

    def on_before_backward(self, _trainer: Any, _module: Any, _loss: Any) -> None:
        now = self._now
        if now is not None and now.waits_for_others:
            now.times.turn("compute")

    def on_after_backward(self, _trainer: Any, _module: Any) -> None:
        now = self._now
        if now is not None and now.waits_for_others:
            now.times.turn("other")

    def on_before_optimizer_step(self, _trainer: Any, _module: Any, optimizer: Any) -> None:
        if self._gradient_norm and self._now is not None:
            self._now.measure(optimizer, self._gradient_norm)

    def on_train_batch_end(
        self, _trainer: Any, _module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = self._now
        if now is not None and now.batches is not None:
            now.batches.end(outputs, batch, batch_idx)
