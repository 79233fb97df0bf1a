"""What three reports take in a Lightning callback, in a real fit. Asked: as keras_step."""

import logging
import warnings
from typing import Any

import lightning
import lineup
import torch
from hooks import Hook
from told import asked, end, place, tell

logging.getLogger("lightning").setLevel(logging.ERROR)
warnings.simplefilter("ignore")
_BATCH = 32


class Model(lightning.LightningModule):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.Linear(64, 1))

    def training_step(self, batch: Any, _: int) -> Any:
        return torch.nn.functional.mse_loss(self.layers(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters())


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
