"""Trains tiny models with either package of Lightning, in every way that a test asks about."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import warnings
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

warnings.simplefilter("ignore")  # Lightning warns of every tiny training
warnings.filterwarnings("error", module="reporter")

import torch  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset, TensorDataset  # noqa: E402

import reporter  # noqa: E402

package, integration = sys.argv[1:3]
pl: Any = importlib.import_module(package)
ours: Any = importlib.import_module(f"reporter_integrations.{integration}")
for name in ("lightning.pytorch", "pytorch_lightning"):
    logging.getLogger(name).setLevel(logging.ERROR)
torch.set_num_threads(1)
told: dict[str, Any] = {}


@dataclass
class Sizes:
    hidden: int = 4


class Tiny(pl.LightningModule):
    """Four batches of four make an epoch."""

    def __init__(self, lr: float = 0.1, **more: Any) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)
        )
        self.losses: list[float] = []

    def loss(self, batch: Any) -> Any:
        x, y = batch
        return torch.nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.losses.append(loss.item())
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self.loss(batch))

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        return self.net(batch[0])

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)]


class Manual(Tiny):
    """Two optimizers, stepped by hand; nothing is returned."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(self.loss(batch))
            optimizer.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), 0.1), torch.optim.Adam(self.parameters(), 0.2)]


class Odd(Tiny):
    """Returns a dictionary, nothing, or a loss that is no number."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        return ({"loss": loss, "more": 1}, None, loss * float("nan"), loss)[batch_idx % 4]


class Stream(IterableDataset):  # type: ignore[type-arg]
    """Nobody knows its length."""

    def __iter__(self) -> Any:
        for _ in range(10):
            yield {"x": torch.ones(2), "y": torch.ones(1)}


class Streamed(Tiny):
    def loss(self, batch: Any) -> Any:
        return super().loss((batch["x"], batch["y"]))


class Bare(Tiny):
    """A batch is one tensor."""

    def loss(self, batch: Any) -> Any:
        return super().loss((batch, batch.sum(1, keepdim=True)))


class Breaks(pl.Callback):
    """A callback of the user that ends training in its second batch."""

    def __init__(self, how: Any) -> None:
        self.how = how

    def on_train_batch_end(self, *given: Any) -> None:
        if given[-1] == 1:
            self.how()


def data(count: int = 16) -> Any:
    x = torch.arange(count * 2, dtype=torch.float32).reshape(count, 2) / count
    return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4)


def trainer(**more: Any) -> Any:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    plain = {
        "logger": False,
        "enable_checkpointing": False,
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(**{**quiet, **plain, "callbacks": [ours.ReporterCallback()], **more})


def fit(name: str, model: Any, loader: Any = None, **more: Any) -> Any:
    with reporter.Reporter(name=name):
        one = trainer(**more)
        one.fit(model, data() if loader is None else loader)
    return one


def raising(error: BaseException) -> Any:
    def now() -> None:
        raise error

    return now


def whole() -> None:
    """Everything at once, over fit, validation, test and prediction."""
    logger = ours.ReporterLogger()
    callbacks = [ours.ReporterCallback(gradient_norm=1)]
    callbacks.append(pl.callbacks.ModelCheckpoint(monitor="val_loss", save_last=True))
    given = list(callbacks)
    model = Tiny(
        optimizer={"momentum": 0, "deep": Namespace(a=1)}, sizes=Sizes(), blocks=[{"k": 3}]
    )
    with reporter.Reporter(name="whole") as r:
        one = trainer(
            logger=logger,
            callbacks=callbacks,
            enable_checkpointing=True,
            max_epochs=2,
            num_sanity_val_steps=1,
            log_every_n_steps=2,
        )
        one.fit(model, data(), data(8))
        one.test(model, data(8), verbose=False)
        one.predict(model, data(8))
        told["experiment"] = logger.experiment is r and one.logger is logger
        told["version"] = [logger.version, r.run_id]
        told["name"] = [logger.name, r.settings.project]
    told["callbacks"] = callbacks == given
    told["losses"] = model.losses
    told["best"] = callbacks[1].best_model_path
    told["subclass"] = [
        isinstance(callbacks[0], pl.Callback),
        isinstance(logger, pl.loggers.Logger),
    ]


def folds() -> None:
    """Three Trainers in one run; then the second one's goes on, and one that is resumed further."""
    with reporter.Reporter(name="folds"):
        for _ in range(3):
            one = trainer(logger=ours.ReporterLogger(), log_every_n_steps=1)
            one.fit(Tiny(), data())
        one.fit_loop.max_epochs = 2
        one.fit(Tiny(), data())
        one.test(Tiny(), data(), verbose=False)
        one.save_checkpoint("folds.ckpt")
    with reporter.Reporter(name="resumed"):
        for _ in range(2):
            trainer(max_epochs=3).fit(Tiny(), data(), ckpt_path="folds.ckpt")


def named() -> None:
    """Who uses ours wrongly reads the names that they know."""
    for kind in (ours.ReporterCallback, ours.ReporterLogger):
        for given, more in ((("x",), {}), ((), {"foo": 1})):
            try:
                kind(*given, **more)
            except TypeError as error:
                told.setdefault("refused", []).append(str(error))
    told["hook"] = ours.ReporterCallback.on_train_end.__qualname__


def interrupted(name: str, how: Any) -> None:
    try:
        fit(name, Tiny(), callbacks=[ours.ReporterCallback(), Breaks(how)])
    except BaseException as error:
        told[name] = type(error).__name__


def by_itself() -> None:
    """No Reporter is open: one is made, and Ctrl-C ends the program."""
    os.environ["REPORTER_NAME"] = "by itself"
    try:
        trainer(callbacks=[ours.ReporterCallback(), Breaks(raising(KeyboardInterrupt()))]).fit(
            Tiny(), data()
        )
    except SystemExit as error:
        told["by itself"] = error.code


def main() -> None:
    whole()
    fit("accumulated", Tiny(), accumulate_grad_batches=3)
    fit("manual", Manual())
    fit("odd", Odd())
    fit("stream", Streamed(), DataLoader(Stream(), batch_size=4), max_epochs=-1, max_steps=5)
    fit("bare", Bare(), DataLoader(torch.ones(10, 2), batch_size=4), max_epochs=2)
    fit("quick", Tiny(), fast_dev_run=True, logger=ours.ReporterLogger())
    early = pl.callbacks.EarlyStopping(
        "train_loss", mode="max", stopping_threshold=-1, check_on_train_epoch_end=True
    )
    fit("early", Tiny(), callbacks=[early, ours.ReporterCallback()], max_epochs=50)
    same = ours.ReporterCallback()
    fit("same", Tiny(), callbacks=[same, same, ours.ReporterCallback()])
    with reporter.Reporter(name="again"):
        for _ in range(2):
            trainer(callbacks=[same]).fit(Tiny(), data())
    with reporter.Reporter(name="validated"):
        trainer().validate(Tiny(), data(), verbose=False)
    csv = pl.loggers.CSVLogger(".")
    fit("beside", Tiny(), logger=[csv, ours.ReporterLogger()], log_every_n_steps=1)
    interrupted("raises", raising(ValueError("no")))
    interrupted("interrupted", raising(KeyboardInterrupt()))
    interrupted("terminated", lambda: os.kill(os.getpid(), signal.SIGTERM))
    folds()
    named()
    by_itself()
    sys.stdout.write(json.dumps(told) + "\n")


main()
