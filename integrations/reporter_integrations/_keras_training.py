"""One call of fit, evaluate or predict, and what of it is reported."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from threading import get_ident
from time import perf_counter
from typing import Any

from reporter.reporter.files import Stage
from reporter.reporter.scope import Reporter
from reporter_integrations._hooks import harmless
from reporter_integrations._keras_facts import LearningRate, keras, parameters_of, quietly
from reporter_integrations._keras_pulse import Batches, Pulse
from reporter_integrations._keras_switches import Switches
from reporter_integrations._voice import Voice
from reporter_integrations._watch import Watch

_SELDOM = 1.0  # seconds between what costs more than a store
_OFTEN, _OLD = 256, 2.0  # batches, and seconds, after which the moments are worked out
_EARLY = 256  # batches that wait for one before them, at most; Keras has at most 32 threads

Handles = dict[str, Callable[..., None]]


class Course:
    """What the trainings of one run share: the step never restarts, nothing is told twice."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # Keras may call the hooks of batches in several threads
        self.steps = 0
        self._told: dict[str, Any] = {}
        self._stage_due = 0.0

    def tell(self, voice: Voice, name: str, value: Any) -> None:
        """Report a parameter, if that is news: there may be thousands of short fits."""
        if name not in self._told or self._told[name] != value:
            self._told[name] = value
            voice.parameter(name, value)

    def use(self, reporter: Reporter) -> None:
        """Say once which framework trains."""
        if "" not in self._told:
            self._told[""] = True
            reporter.uses("keras", f"{keras.__version__} ({keras.backend.backend()})")

    def stage(self, reporter: Reporter, name: str) -> Stage | None:
        """Enter a stage, seldom enough; one that is there already, the user's say, stays."""
        now = perf_counter()
        if reporter._stage is not None or now < self._stage_due:  # noqa: SLF001 - as said
            return None
        self._stage_due = now + _SELDOM
        return reporter.stage(name)


_courses: weakref.WeakKeyDictionary[Reporter, Course] = weakref.WeakKeyDictionary()
_courses_lock = threading.Lock()


def course_of(reporter: Reporter) -> Course:
    with _courses_lock:
        return _courses.setdefault(reporter, Course())


class Call:
    """What the three calls have in common."""

    def __init__(self, voice: Voice, switches: Switches, stage: str) -> None:
        self.voice, self.switches, self._stage_name = voice, switches, stage
        self.course = course_of(voice.reporter)
        self._handles: Handles = {}
        self._stage = self.course.stage(voice.reporter, stage)

    def over(self) -> None:
        """The call returned, or raised."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.__exit__()

    def report(self, logs: Mapping[str, Any], step: int, prefix: str = "") -> None:
        """Report what Keras knows, under its own names."""
        handles = self._handles
        for name, value in logs.items():
            try:
                handles[name](value, step)
            except Exception as error:  # noqa: BLE001 - training is never affected
                self._odd(name, value, step, logs, error, prefix)

    def _odd(
        self,
        name: str,
        value: Any,
        step: int,
        logs: Mapping[str, Any],
        error: Exception,
        prefix: str = "",
    ) -> None:
        """A name that is new, or a value that is refused."""
        if name in self._handles:
            self.voice.complain(name, error)
            return
        shown = prefix + self._common(name, logs)
        try:
            wanted = self.switches.show(shown)
            self._handles[name] = self.voice.handle(shown) if wanted else _nothing
            self._handles[name](value, step)
        except Exception as refused:  # noqa: BLE001 - as above
            self.voice.complain(shown, refused)

    def _common(self, name: str, logs: Mapping[str, Any]) -> str:
        """Accuracy has one name, also where a model calls it by its older one."""
        longer = name.removesuffix("acc") + "accuracy"
        return longer if name in ("acc", "val_acc") and longer not in logs else name


class Fit(Call):
    """One call of fit. Its batches may end in any thread and out of order: they are put in order,
    or the newest values would be those of an older batch.

    What happens for each batch is as little as can be: two moments, and the values themselves.
    What follows from the moments is worked out a few times a second.
    """

    def __init__(
        self,
        voice: Voice,
        switches: Switches,
        params: Mapping[str, Any],
        batches: Batches,
        model: Any,
    ) -> None:
        super().__init__(voice, switches, "train")
        self._epochs = int(params.get("epochs") or 1)
        self._steps: int | None = params.get("steps")  # of an epoch
        self._last = (self._steps or sys.maxsize) - 1  # the index of its last batch
        self._at_once = int(getattr(model, "steps_per_execution", None) or 1)
        self._pulse = Pulse(voice.pace, batches.over(self._steps), self._at_once, self._steps)
        self.moments = self._pulse.moments
        self.thread = get_ident()
        self._lock = threading.Lock()
        self._turn = 0  # whose it is, counted from the epoch's first execution
        self._early: dict[int, tuple[int, Mapping[str, Any]]] = {}
        self._begun_at = self._start = self.course.steps
        self._rate: LearningRate | None = None
        self._due = self._rate_due = 0.0
        self._due_batch = 0
        self._rate_told = -1  # the step whose rate is reported
        self._first_epoch = True
        self._size_is_told = False

    def begin(self, model: Any) -> None:
        if getattr(model, "optimizer", None) is not None:
            self._rate = quietly(lambda: LearningRate(model.optimizer))
        known = {
            "overall_epochs": self._epochs,
            "batch_size": self._pulse.batches.size or None,
            "number_of_layers": quietly(lambda: len(model.layers)),
        }
        self.course.use(self.voice.reporter)
        self.report({name: value for name, value in known.items() if value}, self._start)
        self._tell_parameters(model)
        self._pulse.skip()

    def _tell_parameters(self, model: Any) -> None:
        found = parameters_of(model, self._rate)
        self._size_is_told = "number_of_parameters" in found
        for name, value in found.items():
            if self.switches.show(name):
                self.course.tell(self.voice, name, value)

    def epoch_begins(self, epoch: int) -> None:
        if self._first_epoch and self._steps:  # a training that is resumed goes on counting
            self._begun_at = self._start = max(self._start, epoch * self._steps)
        self._between_epochs()
        if self._rate is not None:
            self._rate.rest()
        self._due = self._rate_due = 0.0
        self._due_batch = 0
        self._expect(epoch)
        self.report({"epoch": epoch}, self._start)

    def _between_epochs(self) -> None:
        self._no_more_turns(0)
        with self.course.lock:
            done = self._pulse.epoch_over()
            self._start += done
            self.course.steps = max(self.course.steps, self._start)

    def _expect(self, epoch: int) -> None:
        if self._steps:
            with self.course.lock:
                self.voice.pace.expect((self._epochs - epoch) * self._steps)

    def tell_in_turn(self, now: float, batch: int, logs: Mapping[str, Any]) -> None:
        """Of batches that threads bring: one that is early waits for those before it."""
        turn = batch // self._at_once
        with self._lock:
            if turn > self._turn:
                self._early[turn] = batch, logs
                if len(self._early) > _EARLY:
                    self._tell_early()
                return
            self.tell(now, batch, logs)
            self._turn = max(self._turn, turn + 1)
            while self._early and self._turn in self._early:
                self.tell(now, *self._early.pop(self._turn))
                self._turn += 1

    def _tell_early(self) -> None:
        """Wait no longer for a batch that may never come."""
        for turn in sorted(self._early):
            self.tell(perf_counter(), *self._early.pop(turn))
            self._turn = turn + 1

    def _no_more_turns(self, next_turn: int) -> None:
        with self._lock:
            self._tell_early()
            self._turn = next_turn

    def tell(self, now: float, batch: int, logs: Mapping[str, Any]) -> None:
        """`batch` is the last one of those that ended together; for one thread at a time.

        The values are on the host by now: a device has done the work.
        """
        # No min() or max() and no lock: where training has cleared the caches each costs 5 us.
        step = self._start + 1 + (batch if batch < self._last else self._last)  # noqa: FURB136
        if step > self.course.steps:  # noqa: PLR1730 - as said
            self.course.steps = step  # about: the end of the epoch sets it right
        handles = self._handles
        try:
            handles["step"](batch, step)
        except Exception:  # noqa: BLE001 - there is none before the first batch ends
            self.report({"step": batch}, step)
        for name, value in logs.items():
            try:
                handles[name](value, step)
            except Exception as error:  # noqa: BLE001 - training is never affected
                self._odd(name, value, step, logs, error)
        if now >= self._due or batch >= self._due_batch:
            self._now_and_then(now, step, batch)

    @harmless
    def _now_and_then(self, now: float, step: int, batch: int) -> None:
        with self.course.lock:
            self._due = now + _OLD
            self._due_batch = min(batch + _OFTEN, self._last)
            self._pulse.take()
            rate_is_due = now >= self._rate_due or batch >= self._last
            if rate_is_due:
                self._rate_due = now + _SELDOM
        if not rate_is_due:
            return
        self._tell_rate(step)
        if self._stage is None:
            self._stage = self.course.stage(self.voice.reporter, self._stage_name)

    def _tell_rate(self, step: int) -> None:
        """The learning rate that this step used."""
        rate = self._rate and self._rate.at(step - 1 - self._begun_at)
        if rate is not None:
            self.report({"learning_rate": rate}, step)
            self._rate_told = step

    def validated(self) -> None:
        with self.course.lock:
            self._pulse.lap("validation")

    def epoch_ended(self, epoch: int, logs: Mapping[str, Any], model: Any) -> None:
        before = self._start
        self._between_epochs()
        if self._first_epoch:
            self._steps = self._steps or (self._start - before) or None
            self._first_epoch = False
            if not self._size_is_told:
                self._tell_parameters(model)
        self._expect(epoch + 1)
        self.report({"epoch": epoch}, self._start)
        # Its last batch has told the rate, before any callback set that of the next epoch. Not so
        # where nobody knew which one that is.
        if self._start > max(before, self._rate_told) and "learning_rate" not in logs:
            self._tell_rate(self._start)
        self.report(logs, self._start)

    def over(self) -> None:
        self._no_more_turns(sys.maxsize)  # whoever comes now comes late
        with self.course.lock:
            self._pulse.take()
        super().over()

    def end(self) -> None:
        self._between_epochs()
        with self.course.lock:
            self.voice.pace.expect(0)  # also where it was stopped early
        self.over()


class Pass(Call):
    """One call of evaluate or predict, which may come in the middle of a fit."""

    def __init__(self, voice: Voice, switches: Switches, kind: str, batches: Batches) -> None:
        super().__init__(voice, switches, kind)
        self._watch = Watch(voice.pace)
        self._samples = batches.total
        self._began = perf_counter()
        self._done = 0
        self.course.use(voice.reporter)
        self._watch.skip()

    def batch_ended(self, batch: int) -> None:
        with self.course.lock:
            self._done = max(self._done, batch + 1)

    def evaluated(self, logs: Mapping[str, Any]) -> None:
        with self.course.lock:
            self._watch.lap("validation")
        self.report(logs, self.course.steps, "test_")
        self.over()

    def predicted(self) -> None:
        seconds = perf_counter() - self._began
        found: dict[str, float] = {"predict_batches": self._done}
        if self._samples and seconds > 0:
            found["predict_samples_per_second"] = self._samples / seconds
        self.report(found, self.course.steps)
        self.over()


def _nothing(*_: object) -> None:
    pass


def _renew_locks() -> None:
    global _courses_lock  # noqa: PLW0603 - a forked child must not wait for a thread it has not got
    _courses_lock = threading.Lock()
    for course in list(_courses.values()):
        course.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
