"""What our callback takes in a real fit of Lightning, beside an empty one. Asked: steps."""

import logging
import warnings

import lightning
import torch
from clocked import Clocks
from lightning_model import Model
from told import asked, end

import reporter
from reporter_integrations.lightning import ReporterCallback

logging.getLogger("lightning").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
_BATCH = 32
_HOOKS = (
    "on_train_batch_start",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
    "on_train_batch_end",
)


def main() -> None:
    count = _BATCH * asked()["steps"]
    data = torch.utils.data.TensorDataset(torch.rand(count, 32), torch.rand(count, 1))
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    clocks = Clocks(_HOOKS)
    with reporter.Reporter():
        callbacks = [
            clocks.over("empty", lightning.Callback()),
            clocks.over("ours", ReporterCallback()),
        ]
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", callbacks=callbacks, **dict.fromkeys(quiet, False)
        )
        trainer.fit(Model(), torch.utils.data.DataLoader(data, batch_size=_BATCH))
    clocks.tell()
    end()


if __name__ == "__main__":
    main()
