"""Trains tiny models with loops of its own, one run each, and prints what really happened."""

from __future__ import annotations

import copy
import json
import math
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # two cores, and others on them

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset

import reporter
from reporter.reporter.module_level import current
from reporter_integrations.torch import ReporterLoop

torch.manual_seed(0)
inputs = torch.rand(20, 4)
data = TensorDataset(inputs, inputs.sum(1, keepdim=True))
told: dict[str, Any] = {}


class Learner:
    """A model, and what learns it."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1, eps=1e-6)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 2, gamma=0.5)

    def loss(self, batch: Any) -> torch.Tensor:
        found, wanted = batch
        return torch.nn.functional.mse_loss(self.model(found), wanted)

    def learn(self, batch: Any) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(batch)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()

    def loop(self, **more: Any) -> ReporterLoop:
        return ReporterLoop(model=self.model, optimizer=self.optimizer, **more)


def loader(**more: Any) -> DataLoader[Any]:
    return DataLoader(data, **{"batch_size": 8, **more})


def plain() -> None:
    """A whole training, as it is documented."""
    learner = Learner()
    loop, began, losses = learner.loop(), time.perf_counter(), []
    for epoch in loop.epochs(2):
        for batch in loop.steps(loader()):
            loss = learner.learn(batch)
            losses.append(loss.item())
            reporter.report_metric("loss", loss, loop.step)
        with torch.no_grad():
            found = [learner.loss(each) for each in loop.steps(loader(), phase="validation")]
        reporter.report_metric("val_loss", torch.stack(found).mean(), epoch)
        with loop.checkpoint():
            time.sleep(0.01)
        time.sleep(0.01)  # in no pass
    told["plain"] = {"losses": losses, "seconds": time.perf_counter() - began}
    alone = Learner()
    told["plain"]["same"] = losses == [
        alone.learn(batch).item() for _ in range(2) for batch in loader()
    ]


def accumulated() -> None:
    """Two batches make a step; the third of an epoch is one of its own."""
    loop = ReporterLoop(accumulate=2)
    for _epoch in loop.epochs(2):
        for _batch in loop.steps(loader()):
            pass


def left_early() -> None:
    """A loop that is left in the middle; one that an exception leaves; one that goes on."""
    loop = ReporterLoop()
    for batch_number, _batch in enumerate(loop.steps(loader(batch_size=2), total=10)):
        if batch_number % 2:
            continue
        if batch_number == 4:
            break
    told["left"] = loop.step
    try:
        for _batch in loop.steps(loader()):
            {}["of the user's own"]
    except KeyError as error:
        told["raised"] = [str(error), error.__context__ is None]


def nested() -> None:
    """Validation amid an epoch, by a function with a loop of its own."""
    loop, began, inside = ReporterLoop(), time.perf_counter(), 0.0
    for _batch in loop.steps(loader()):
        started = time.perf_counter()
        for _held_out in ReporterLoop().steps(loader(), phase="validation"):
            time.sleep(0.005)
        inside += time.perf_counter() - started
    told["nested"] = [time.perf_counter() - began, inside]


def endless() -> None:
    """Batches without an end and of other kinds; how many are wanted is said."""

    def batches() -> Iterator[Any]:
        while True:
            yield {"names": ["a", "b"], "pixels": np.zeros((5, 3))}

    for number, _batch in enumerate(ReporterLoop().steps(batches(), total=4), start=1):
        if number == 4:
            break


class Stream(IterableDataset[Any]):
    """It is longer than it says; who asks is warned by torch, and warnings are errors here."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield from inputs


class Told(Dataset[Any]):
    """As users write them: it holds whatever is at hand, and reports from its worker."""

    def __init__(self, loop: ReporterLoop, r: reporter.Reporter) -> None:
        self.loop, self.r = loop, r

    def __len__(self) -> int:
        return 6

    def __getitem__(self, number: int) -> torch.Tensor:
        for _ in self.loop.steps([1, 2, 3]):
            self.r.report_metric("of-the-worker", number)
        return inputs[number]


def loaded() -> None:
    """Loaders of several kinds; workers with a copy of the loop, forked and spawned."""
    loop = ReporterLoop()
    assert sum(1 for _ in loop.steps(DataLoader(Stream(), batch_size=4))) == 5
    workers = Told(loop, current())
    for context in ("fork", "spawn"):
        batches = DataLoader(workers, 2, num_workers=1, multiprocessing_context=context)
        assert sum(1 for _ in loop.steps(batches)) == 3
    share = DistributedSampler(data, num_replicas=2, rank=1)
    steps = loop.steps(loader(sampler=share, batch_size=5))
    assert [len(steps), len(list(steps))] == [2, 2]  # type: ignore[arg-type]


def counted() -> None:
    """What a batch holds is told by a function, by a number, or not at all."""
    images = [[torch.zeros(3, 9, 9)] * 4] * 2
    for samples in (len, 4, lambda batch: batch.none):
        list(ReporterLoop(samples=samples).steps(images))
    list(ReporterLoop().steps([object(), "text", 7, [], {}]))


class Odd:
    """A batch that raises whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def broken() -> None:
    """Models, optimizers and batches that tell nothing of themselves; a loss that is none."""
    lazy = torch.nn.LazyLinear(3)
    for model, optimizer in ((lazy, None), (object(), object()), (None, Odd())):
        loop = ReporterLoop(model=model, optimizer=optimizer)
        for _batch in loop.steps([Odd(), torch.zeros(())]):
            reporter.report_metric("loss", torch.tensor(math.nan), loop.step)

    def failing() -> Iterator[int]:
        yield 1
        raise OSError("no such file")

    try:
        list(loop.steps(failing()))
    except OSError as error:
        told["broken"] = str(error)


class Synchronised(TorchDispatchMode):
    """Counts what would wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def unread() -> None:
    """No value of a tensor is looked at, and no batch is kept longer than the body keeps it."""
    learner, gone = Learner(), []
    loop = learner.loop()
    batches = list(loader())
    with Synchronised() as seen:
        for _epoch in loop.epochs(2):
            for _batch in loop.steps(batches):
                pass
    told["unread"] = [call for call in seen.calls if "scalar" in call or "copy" in call]

    def fresh() -> Iterator[torch.Tensor]:
        for _ in range(3):
            batch = torch.zeros(2)
            last = weakref.ref(batch)
            held = [batch]
            del batch
            yield held.pop()
            gone.append(last() is None)

    for batch in loop.steps(fresh()):
        del batch
    told["gone"] = gone


def twice(loop: ReporterLoop) -> None:
    for _epoch in loop.epochs(1):
        for _batch in loop.steps(loader()):
            pass


def folds() -> None:
    """A loop for each fold; one that counts by itself; two whose passes are nested."""
    for _fold in range(3):
        twice(ReporterLoop())
    list(ReporterLoop(step=0).steps(loader()))
    outer = ReporterLoop()
    for _batch in outer.steps(loader(batch_size=10)):
        list(ReporterLoop().steps(loader(batch_size=10)))
    told["folds"] = outer.step


def refused(**arguments: Any) -> list[str]:
    try:
        ReporterLoop(**arguments)
    except (TypeError, ValueError) as error:
        return [type(error).__name__, str(error)]
    return []


class Compared(reporter.Reporter):
    """A subclass that compares has no hash."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


def within(loop: ReporterLoop) -> None:
    """A run within a run, and the same loop in both."""
    for number, _batch in enumerate(loop.steps(loader())):
        if number == 1:
            with reporter.Reporter(name="inner"):
                list(loop.steps(loader(batch_size=4)))


scenes: list[Callable[[], None]] = [plain, accumulated, left_early, nested, endless, loaded]
if __name__ == "__main__":
    for scene in [*scenes, counted, broken, unread, folds]:
        with reporter.Reporter(name=scene.__name__):
            scene()
    shared = Learner().loop()
    for name in ("first", "second"):
        with reporter.Reporter(name=name):
            twice(shared)
            twice(copy.deepcopy(shared))
    with reporter.Reporter(name="outer"):
        within(shared)
    with reporter.Reporter(name="resumed"):
        list(Learner().loop(step=100).steps(loader(), epoch=7))
    with reporter.Reporter(name="other rank", rank=1) as r:
        twice(Learner().loop())
        twice(Learner().loop(all_ranks=True))
    with Compared(name="compared"):
        twice(ReporterLoop())
    told["refused"] = [refused(accumulate=0), refused(reporter="x")]
    closed = reporter.Reporter(name="never entered")
    list(ReporterLoop(closed).steps(loader()))
    sys.stdout.write(json.dumps(told) + "\n")
