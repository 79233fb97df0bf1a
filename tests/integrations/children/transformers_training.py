"""Trains tiny models with a Trainer, one run each, and prints what the Trainer itself found."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")  # two cores, and others on them

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import reporter
from reporter_integrations.transformers import ReporterCallback, register, unregister

BATCHES, STEPS = 5, 3  # of an epoch, with 20 examples in batches of 4, two of them a step
told: dict[str, Any] = {}
examples = [
    {"input_ids": [n, n + 1, n + 2], "attention_mask": [1, 1, 1], "labels": n % 2}
    for n in range(20)
]


def model(**more: Any) -> Any:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=32,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        **more,
    )
    return BertForSequenceClassification(config)


def arguments(**more: Any) -> TrainingArguments:
    chosen = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        **more,
    }
    return TrainingArguments(output_dir="output", **chosen)


def trainer(*callbacks: Any, learner: Any = None, data: Any = None, **more: Any) -> Trainer:
    made = Trainer(
        model=learner or model(),
        args=arguments(**more),
        train_dataset=data or examples,
        eval_dataset=examples[:8],
        callbacks=list(callbacks),
    )
    made.pop_callback(made.callback_handler.callbacks[-1])  # the one that prints
    return made


class Plain(torch.nn.Module):
    """A model without a configuration; its loss is not a number."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(3, 1)

    def forward(self, input_ids: Any, labels: Any = None, **_: Any) -> dict[str, Any]:
        found = self.inner(input_ids.float())
        return {"loss": found.mean() * math.nan, "logits": found}


class Stream(torch.utils.data.IterableDataset[Any]):
    def __iter__(self) -> Any:
        while True:
            yield from examples


class At(TrainerCallback):
    """Does something when a step is done."""

    def __init__(self, step: int, do: Any) -> None:
        self.step, self.do = step, do

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            self.do(control)


def fail(_control: Any) -> None:
    raise RuntimeError("a user's own callback")


def stop(control: Any) -> None:
    control.should_training_stop = True


def history(of: Trainer) -> list[dict[str, Any]]:
    """What it logged, without what depends on the clock."""
    return [{k: v for k, v in each.items() if "second" not in k and "runtime" not in k}
            for each in of.state.log_history]  # fmt: skip


def train_inside(_control: Any) -> None:
    trainer(ReporterCallback(), num_train_epochs=1).train()
    trainer(shared, num_train_epochs=1).train()


class Hostile(reporter.Reporter):
    def reportMetric(self, name: str, value: Any) -> None:
        raise RuntimeError("a subclass that fails")


shared = ReporterCallback()
with reporter.Reporter(name="plain"):
    made = trainer(
        ReporterCallback(),
        eval_strategy="epoch",
        save_strategy="epoch",
        hub_token="hf_never-to-be-seen",
        learning_rate=0.01,
    )
    before, began = made.args.to_dict(), time.perf_counter()
    made.train()
    told["seconds"] = time.perf_counter() - began
    told["plain"] = made.state.log_history
    told["unchanged"] = made.args.to_dict() == before
alone = trainer(eval_strategy="epoch", save_strategy="epoch", learning_rate=0.01)
alone.train()
told["same"] = history(made) == history(alone)

register()
register()
with reporter.Reporter(name="registered"):
    trainer(ReporterCallback(), report_to="reporter").train()
told["all"] = "reporter" in arguments(report_to="all").report_to
unregister()
unregister()
try:
    trainer(report_to="reporter")
except ValueError as error:
    told["unregistered"] = "reporter is not supported" in str(error)

with reporter.Reporter(name="nan"):
    trainer(ReporterCallback(), learner=Plain(), logging_nan_inf_filter=False).train()

with reporter.Reporter(name="failing"):
    failing = At(2, fail)
    made = trainer(ReporterCallback(), failing)
    try:
        made.train()
    except RuntimeError as error:
        told["failing"] = str(error)
    made.remove_callback(failing)
    made.train()
    made.add_callback(failing)
    try:
        made.train()
    except RuntimeError:
        made.remove_callback(failing)
with reporter.Reporter(name="evaluated after it failed"):
    made.evaluate()

with reporter.Reporter(name="stopped"):
    trainer(ReporterCallback(), At(4, stop)).train()

with reporter.Reporter(name="nested"):
    began = time.perf_counter()
    trainer(shared, At(1, train_inside), num_train_epochs=1).train()
    told["nested"] = time.perf_counter() - began

with reporter.Reporter(name="evaluated"):
    made = trainer(ReporterCallback(), ReporterCallback())
    told["evaluated"] = [made.evaluate(), made.predict(examples).metrics]
with reporter.Reporter(name="evaluated later"):
    made.log({"mine": 7.0})
    made.evaluate(metric_key_prefix="late")

with reporter.Reporter(name="stream"):
    trainer(ReporterCallback(), data=Stream(), max_steps=3).train()

with reporter.Reporter(name="other rank", rank=1):
    trainer(ReporterCallback(), num_train_epochs=1).train()

with Hostile(name="hostile"):
    made = trainer(ReporterCallback(), eval_strategy="epoch", learning_rate=0.01)
    made.train()
    told["hostile"] = history(made) == history(alone)
sys.stdout.write(json.dumps(told) + "\n")
