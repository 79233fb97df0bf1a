"""What three reports take in a Lightning callback, in a real fit. Asked: as keras_step."""

import logging
import warnings
from typing import Any

import lightning
import lineup
import torch
from hooks import Hook
from lightning_model import Model
from told import asked, end, place, tell

logging.getLogger("lightning").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
_BATCH = 32


class Reporting(lightning.Callback):  # type: ignore[misc]
    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def on_train_batch_end(self, trainer: Any, _: Any, outputs: Any, *batch: Any) -> None:
        number = batch[-1]
        found = [("loss", outputs["loss"].item()), ("step", float(number))]
        self.hook.after_batch(number, [*found, ("epoch", float(trainer.current_epoch))])


def main() -> None:
    spec = asked()
    hook = Hook(lineup.adapter(spec["subject"])(place(spec)))
    count = _BATCH * spec["steps"]
    data = torch.utils.data.TensorDataset(torch.rand(count, 32), torch.rand(count, 1))
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[Reporting(hook)], **dict.fromkeys(quiet, False)
    )
    trainer.fit(Model(), torch.utils.data.DataLoader(data, batch_size=_BATCH))
    tell(**hook.told())
    end()


if __name__ == "__main__":
    main()
