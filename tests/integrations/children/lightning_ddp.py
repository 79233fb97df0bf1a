"""Two ranks train together; the second one is slow where it is told to be."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from contextlib import nullcontext
from typing import Any

warnings.simplefilter("ignore")
warnings.filterwarnings("error", module="reporter")

import lightning.pytorch as pl  # noqa: E402
import torch  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

import reporter  # noqa: E402
from reporter_integrations.lightning import ReporterCallback, ReporterLogger  # noqa: E402

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
torch.set_num_threads(1)
scope, slow = sys.argv[1:3]
PAUSE_S = 0.3  # far more than what the first steps take on a busy machine


def pause(where: str, rank: int) -> None:
    if slow == where and rank == 1:
        time.sleep(PAUSE_S)


class Numbers(Dataset[Any]):
    def __len__(self) -> int:
        return 32

    def __getitem__(self, k: int) -> Any:
        pause("data", torch.distributed.get_rank())
        return torch.ones(2) * k / 32, torch.ones(1)


class Tiny(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(2, 1)

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        pause("compute", self.global_rank)
        loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit() -> None:
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=1,
        logger=ReporterLogger(),
        callbacks=[ReporterCallback()],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Tiny(), DataLoader(Numbers(), batch_size=2, shuffle=False))
    reporter.report_metric("mine", trainer.global_rank)
    told = {"run": reporter.status()["run"], "rank": trainer.global_rank}
    sys.stdout.write(json.dumps(told) + "\n")  # one write: the ranks share the pipe
    sys.stdout.flush()


for _ in range(2 if scope == "each" else 1):
    with nullcontext() if scope == "none" else reporter.Reporter():
        fit()
