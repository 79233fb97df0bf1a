"""The callback: what Keras says, hook by hook."""

from __future__ import annotations

from collections.abc import Mapping
from threading import get_ident
from time import perf_counter
from typing import Any, Unpack

from reporter.reporter.module_level import current
from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import Hooks, harmless
from reporter_integrations._keras_facts import keras
from reporter_integrations._keras_pulse import Batches
from reporter_integrations._keras_switches import Switched, chosen
from reporter_integrations._keras_training import Fit, Pass

Logs = Mapping[str, Any] | None


class ReporterCallback(Hooks, keras.callbacks.Callback):  # type: ignore[name-defined]
    """Reports what fit, evaluate and predict know: model.fit(…, callbacks=[ReporterCallback()]).

    Without a Reporter it is the innermost one that is open when training begins. Metrics have the
    names that Keras gives them, those of `evaluate` as `test_<name>`. Where several processes
    train together, the one of rank 0 reports them, and all do with `all_ranks`. The switches are
    those of `autolog`; a number for `batch_size` tells it where nothing else does, as the samples
    per second need it.
    """

    # The hooks of batches touch no model and may be called in any thread: Keras goes on to
    # dispatch asynchronously, and fetches their values there.
    async_safe = True

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        all_ranks: bool = False,
        **switches: Unpack[Switched],
    ) -> None:
        Hooks.__init__(self, reporter, all_ranks=all_ranks)
        keras.callbacks.Callback.__init__(self)
        self._switches = chosen(type(self).__name__, (), switches)
        size = self._switches.batch_size
        self._batches = Batches() if isinstance(size, bool) else Batches(size)
        self._seen = Batches()
        self._now: Fit | None = None
        self._pass: Pass | None = None
        self._new_call = True

    def expecting(self, batches: Batches) -> None:
        """What autolog has seen of the data of the next call."""
        self._seen = batches

    def reports_to(self, reporter: Reporter) -> bool:
        return (self._reporter or current()) is reporter

    def over(self) -> None:
        """The call returned, or raised."""
        for call in (self._pass, self._now):
            if call is not None:
                call.over()

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._new_call = True

    # fit

    @harmless
    def on_train_begin(self, logs: Logs = None) -> None:
        self._new_call = False
        self.over()  # where the call before raised
        known, model = self._known_batches(), self.model
        self._now = Fit(self._voice(), self._switches, self.params or {}, known, model)
        self._now.begin(model)

    @harmless
    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self._now is not None:
            self._now.epoch_begins(epoch)

    # These two raise nothing by themselves: a wrapper would cost as much as they do.

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self._now is not None:
            self._now.moments.append(perf_counter())

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        fit = self._now
        if fit is None:
            return
        now = perf_counter()
        fit.moments.append(-now)
        if get_ident() == fit.thread:
            fit.tell(now, batch, logs or {})
        else:
            fit.tell_in_turn(now, batch, logs or {})

    @harmless
    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._now is not None:
            self._now.epoch_ended(epoch, logs or {}, self.model)

    @harmless
    def on_train_end(self, logs: Logs = None) -> None:
        call, self._now = self._now, None
        if call is not None:
            call.end()

    # evaluate, or the validation of a fit

    @harmless
    def on_test_begin(self, logs: Logs = None) -> None:
        self._begin_pass("evaluate")

    @harmless
    def on_test_end(self, logs: Logs = None) -> None:
        call, self._pass, self._seen = self._pass, None, Batches()
        if call is not None:
            call.evaluated(logs or {})
        elif self._now is not None:
            self._now.validated()

    # predict

    @harmless
    def on_predict_begin(self, logs: Logs = None) -> None:
        self._begin_pass("predict")

    @harmless
    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._pass is not None:
            self._pass.batch_ended(batch)

    @harmless
    def on_predict_end(self, logs: Logs = None) -> None:
        call, self._pass = self._pass, None
        if call is not None:
            call.predicted()

    def _begin_pass(self, kind: str) -> None:
        if self._new_call or self._now is None:  # else it is a part of the fit that goes on
            self._new_call = False
            self._pass = Pass(self._voice(), self._switches, kind, self._known_batches())

    def _known_batches(self) -> Batches:
        seen, self._seen = self._seen, Batches()
        return seen if seen.size else self._batches
