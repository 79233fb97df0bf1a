"""Plain PyTorch: wraps the loop that you write, counts and times it, and waits for no device."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import Any, Generic, TypeVar

from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, inert_copy
from reporter_integrations._hooks import Hooks
from reporter_integrations._torch_facts import (
    layers_of,
    learning_rate_of,
    parameters_of,
    samples_in,
    settings_of,
)
from reporter_integrations._voice import Voice, required
from reporter_integrations._watch import Watch

_torch = required("torch", "torch", (2, 0))

T = TypeVar("T")

_RUNS = 8  # that one loop reports to at a time: nested ones


class ReporterLoop(Hooks):
    """Reports a training loop: its steps and samples, and where their time goes.

        loop = ReporterLoop(model=model, optimizer=optimizer)
        for epoch in loop.epochs(3):
            for inputs, targets in loop.steps(training_batches):
                …
                reporter.report_metric("loss", loss.detach(), loop.step)
            for inputs, targets in loop.steps(validation_batches, phase="validation"):
                …
            with loop.checkpoint():
                torch.save(…)

    Without a Reporter it reports to the innermost open one, else to the implicit one.

    Steps are counted by the run: a second loop, for another fold say, goes on where the first one
    is. With a `step` of its own, 0 included, a loop counts by itself from there.
    """

    def __init__(
        self,
        reporter: Reporter | None = None,
        *,
        model: Any = None,
        optimizer: Any = None,
        accumulate: int = 1,
        samples: float | Callable[[Any], float] | None = None,
        step: int | None = None,
        all_ranks: bool = False,
    ) -> None:
        """`accumulate` batches make a step; `step` were done before, where training is resumed.

        `samples` says how many a batch holds, where its first tensor does not show that.
        """
        if accumulate < 1:
            raise ValueError(f"accumulate must be at least 1, and is {accumulate!r}")
        super().__init__(reporter, all_ranks=all_ranks)
        self._model, self._optimizer = model, optimizer
        self._accumulate, self._samples = accumulate, samples
        self._first_step = step

    @property
    def step(self) -> int:
        """The step that is being done, from 1; between passes the newest one."""
        return self._now[-1].step if self._now else self._first_step or 0

    def epochs(self, count: int, start: int = 0) -> Iterable[int]:
        """The same as `range(start, count)`; what `steps` there are in them is told as well.

        Time between the passes of an epoch goes to the phase `other`.
        """
        numbers = range(start, count)
        return _Sized(numbers, lambda: self._counted(numbers))

    def steps(
        self,
        batches: Iterable[T],
        *,
        phase: str = "compute",
        epoch: int | None = None,
        total: int | None = None,
    ) -> Iterable[T]:
        """The same batches, each a part of a training step; of no step in another phase.

        `total` says how many they are, where `len` does not know. A batch counts when its turn
        is over, however it ended: whatever the loop's body raises passes through.
        """
        if phase != "compute":
            return _Sized(batches, lambda: self._watched(batches, phase))
        return _Sized(batches, lambda: self._trained(batches, epoch, total))

    @contextmanager
    def checkpoint(self) -> Iterator[None]:
        """The time of a checkpoint that is written within; one that fails is none."""
        pace, started = self._run().voice.pace, perf_counter()
        yield
        pace.checkpoint(perf_counter() - started)

    def _counted(self, numbers: range) -> Iterator[int]:
        run = self._run()
        outside, run.epochs = run.epochs, _Epochs()
        watch = Watch(run.voice.pace)
        run.voice.metric("overall_epochs", numbers.stop)
        try:
            with run.voice.reporter.stage("train"):
                for epoch in numbers:
                    run.epochs.begin(numbers.stop - epoch)
                    run.voice.metric("epoch", epoch, run.step)
                    yield epoch
                    # Not where the loop is left: who knows when we would hear of that.
                    watch.lap("other")
        finally:
            run.epochs = outside

    def _trained(self, batches: Iterable[T], epoch: int | None, total: int | None) -> Iterator[T]:
        run = self._run()
        if epoch is not None:
            run.voice.metric("epoch", epoch, run.step)
        run.expect(_length(batches) if total is None else total, alone=total is not None)
        turns = _Turns(run, self._samples)
        try:
            for batch in batches:
                turns.begin(batch)
                held = [batch]
                del batch  # our hold on it would keep it in memory for longer than the body's
                yield held.pop()
                turns.end()
        finally:
            turns.close()

    def _watched(self, batches: Iterable[T], phase: str) -> Iterator[T]:
        voice = self._run().voice
        watch = Watch(voice.pace)
        with voice.reporter.stage(phase) if phase == "validation" else nullcontext():
            try:
                for batch in batches:
                    held = [batch]
                    del batch
                    yield held.pop()
                    watch.lap(phase)
            finally:
                watch.lap(phase)

    def _run(self) -> _Run:
        """That of whoever is to hear it now; it becomes the newest."""
        runs: list[_Run] = self._now or []
        try:
            voice = self._voice()
        except Exception as error:  # noqa: BLE001 - none is open, and a variable is wrong
            say(f"this loop is not reported: {error}")
            voice = runs[0].voice if runs else Voice(inert_copy(Reporter))
        known = [run for run in runs if run.voice.reporter is voice.reporter]
        if known:
            run = known[0]
        else:
            run = _Run(voice, self._first_step, self._optimizer, self._accumulate)
            _introduce(voice, self._model, self._optimizer)
        self._now = [*(each for each in runs if each is not run), run][-_RUNS:]
        return run


def _introduce(voice: Voice, model: Any, optimizer: Any) -> None:
    voice.reporter.uses("torch", str(_torch.__version__))
    try:
        if optimizer is not None:
            voice.parameters(settings_of(optimizer))
        if model is not None:
            voice.metric("number_of_layers", layers_of(model))
            voice.parameter("number_of_parameters", parameters_of(model))
    except Exception as error:  # noqa: BLE001 - a lazy module, or whatever was given
        say(f"not everything about model and optimizer is reported: {error}")


def _length(batches: Any) -> int:
    """How many they are; 0 where that is unknown."""
    data = _torch.utils.data
    if isinstance(batches, data.DataLoader) and isinstance(batches.dataset, data.IterableDataset):
        return 0  # asked for its length, it would warn later on
    try:
        return len(batches)
    except Exception:  # noqa: BLE001 - whatever a user's class raises
        return 0


class _Sized(Generic[T]):
    """Iterates in a way of ours, and has the length that the items have, if any."""

    def __init__(self, items: Any, iterate: Callable[[], Iterator[T]]) -> None:
        self._items, self._iterate = items, iterate

    def __iter__(self) -> Iterator[T]:
        return self._iterate()

    def __len__(self) -> int:
        return len(self._items)


class _Epochs:
    """How many epochs are left, and how many steps make one."""

    def __init__(self) -> None:
        self.steps = 0  # in the epoch that goes on
        self._left, self._usual = 0, 0

    def begin(self, left: int) -> None:
        """Another epoch; of the last one it is known how long it was."""
        self._usual = self.steps or self._usual
        self.steps, self._left = 0, left

    def to_come(self, steps: int, *, alone: bool) -> int:
        """Steps that are still to come, the `steps` of the pass included; 0 if that is unknown.

        Alone they are all where there are no epochs, else there may be other passes.
        """
        if not self._left:
            return steps if alone else 0
        usual = self._usual or (self.steps + steps if steps else 0)
        return max(steps, usual * self._left - self.steps)


class _Count:
    """The newest step of a run, whichever loop did it."""

    def __init__(self) -> None:
        self.step = 0


_counts: weakref.WeakKeyDictionary[Reporter, _Count] = weakref.WeakKeyDictionary()


def _count_of(reporter: Reporter) -> _Count:
    try:
        return _counts.setdefault(reporter, _Count())
    except TypeError:  # a subclass that compares, and so has no hash
        return _Count()


class _Run:
    """What the loop has done for one Reporter."""

    def __init__(self, voice: Voice, step: int | None, optimizer: Any, accumulate: int) -> None:
        self._count, self._alone = _count_of(voice.reporter), step is not None
        self.step = self._count.step if step is None else step
        self.voice, self.accumulate = voice, accumulate
        self.epochs = _Epochs()
        self._optimizer = optimizer

    def begin_step(self) -> None:
        """The first batch of a step is there."""
        before = self.step if self._alone else self._count.step
        self.step = before + 1
        self._count.step = max(self._count.step, self.step)
        self.epochs.steps += 1
        self.voice.metric("step", self.step, self.step)
        rate = learning_rate_of(self._optimizer)
        if rate is not None:
            self.voice.metric("learning_rate", rate, self.step)

    def expect(self, batches: int, *, alone: bool) -> None:
        """So many batches are in the pass that begins."""
        to_come = self.epochs.to_come(-(-batches // self.accumulate), alone=alone)
        if to_come > 0:
            self.voice.pace.expect(to_come)


class _Turns:
    """One pass over the batches: times each one's turn, and makes steps of them."""

    def __init__(self, run: _Run, samples: float | Callable[[Any], float] | None) -> None:
        self._run, self._given = run, samples
        self._pace, self._watch = run.voice.pace, Watch(run.voice.pace)
        self._samples: float = 0  # in the batch whose turn it is
        self._batches = 0  # of the step that is being done
        self._busy, self._first = False, True

    def begin(self, batch: Any) -> None:
        """A batch is there."""
        self._watch.lap("data")
        self._samples, self._busy = self._samples_in(batch), True
        if not self._batches:
            self._run.begin_step()
        if self._first:
            self._first = False
            if self._samples:
                self._run.voice.metric("batch_size", self._samples)

    def end(self) -> None:
        """The loop's body is done with it."""
        self._watch.lap("compute")
        self._busy = False
        self._batches = (self._batches + 1) % self._run.accumulate
        self._pace.step(self._samples, steps=not self._batches)

    def close(self) -> None:
        """There are no more, or the loop was left."""
        if self._busy:
            self.end()
        self._watch.lap("data")
        if self._batches:  # the rest of a pass is a step of its own
            self._pace.step()

    def _samples_in(self, batch: Any) -> float:
        try:
            if self._given is None:
                return samples_in(batch)
            return float(self._given(batch) if callable(self._given) else self._given)
        except Exception as error:  # noqa: BLE001 - of whatever kind a batch is
            say(f"samples are not counted: {error}")
            return 0
