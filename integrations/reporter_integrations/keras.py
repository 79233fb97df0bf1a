"""Keras 3, whatever its backend: a callback, and autolog for every fit, evaluate and predict."""

from __future__ import annotations

from typing import Any, Self, Unpack

from reporter.names import State
from reporter.reporter.scope import Reporter as _Reporter
from reporter_integrations._keras_autolog import Autolog, all_on, begin, end, here
from reporter_integrations._keras_callback import ReporterCallback
from reporter_integrations._keras_switches import Switched, chosen

__all__ = [
    "Reporter",
    "ReporterCallback",
    "autolog",
    "autologged",
    "disableAutoLog",
    "disableAutolog",
]


class Reporter(_Reporter):
    """The Reporter; with `autolog=True` whatever Keras trains while it is open is reported.

    with Reporter(autolog=True):
        model.fit(…)
    """

    _wanted = False
    _autolog: Autolog | None = None

    def __init__(self, *args: Any, autolog: bool = False, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._wanted = autolog

    def __enter__(self) -> Self:
        super().__enter__()
        if self._wanted:
            self.autolog()
        return self

    async def __aenter__(self) -> Self:
        await super().__aenter__()  # which enters in a thread of its own
        if self._autolog is not None:
            here(self._autolog)
        return self

    def autolog(self, *switches: bool, **named: Unpack[Switched]) -> None:
        """From now on until this run ends; see `autolog` of the module for the switches."""
        wanted = chosen("autolog", switches, named)
        self._stop()
        self._autolog = Autolog(self, wanted)
        begin(self._autolog)

    @property
    def autologged(self) -> bool:
        return self._autolog is not None and self._autolog in all_on()

    def _stop(self) -> None:
        if self._autolog is not None:
            end(self._autolog)
            self._autolog = None

    def _end(self, state: State, reason: str, detail: str, *, sure: bool = True) -> None:
        self._stop()
        super()._end(state, reason, detail, sure=sure)


def autolog(*switches: bool, reporter: _Reporter | None = None, **named: Unpack[Switched]) -> None:
    """Report every fit, evaluate and predict of Keras, until `disableAutolog`.

    Without a Reporter it is the innermost one that is open when training begins, else one made by
    itself. The switches, in their order: accuracy, loss, learning_rate, epoch, step, batch_size,
    overall_epochs, optimizer_name, number_of_layers, and those that are off unless asked for:
    loss_method, epsilon.

    A fit within a fit to the same Reporter is left out, and so is what a ReporterCallback among
    the fit's callbacks reports already. With several Reporters, each thread reports to its own.
    """
    begun = Autolog(reporter, chosen("autolog", switches, named))
    end(*(each for each in all_on() if each.given is reporter))
    begin(begun)


def disableAutolog() -> None:  # noqa: N802 - the older library's spelling
    """Undo every autolog: Keras has its own functions again."""
    end(*all_on())


disableAutoLog = disableAutolog  # noqa: N816 - both spellings are in use


def autologged() -> bool:
    """Whether any autolog is on."""
    return bool(all_on())
