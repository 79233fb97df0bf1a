"""What a Keras model, its optimizer and its data tell of themselves."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from reporter_integrations._keras_pulse import Batches
from reporter_integrations._torch_facts import samples_in
from reporter_integrations._voice import required

keras = required("keras", "keras", (3, 0))

T = TypeVar("T")

_DEFAULT_BATCH_SIZE = 32  # Keras's own, for arrays
_SAID_ELSEWHERE = {"self", "name", "learning_rate", "epsilon"}


def batches_of(arguments: Mapping[str, Any]) -> Batches:
    """From the arguments of fit, evaluate or predict."""
    x, size = arguments.get("x"), arguments.get("batch_size")
    try:
        count = samples_in(x)
        if not count:
            return _batches_of_loader(x)
        if arguments.get("validation_split") and arguments.get("validation_data") is None:
            count = math.floor(count * (1.0 - arguments["validation_split"]))
        steps = arguments.get("steps_per_epoch") or arguments.get("steps")
        usual = math.ceil(count / steps) if steps else _DEFAULT_BATCH_SIZE
        return Batches(int(size or usual), count)
    except Exception:  # noqa: BLE001 - data of a kind that we do not know
        return Batches()


def _batches_of_loader(x: Any) -> Batches:
    """Of a DataLoader, a PyDataset that says it, or a tf.data.Dataset of a fixed batch size."""
    size = getattr(x, "batch_size", None)
    if not isinstance(size, int):
        return Batches(samples_in(getattr(x, "element_spec", None)))
    data: Any = getattr(x, "dataset", ())
    return Batches(size, len(data) if hasattr(data, "__len__") else 0)


class LearningRate:
    """The learning rate of one training. Between epochs `rest` reads it, `at` at any time.

    On JAX the optimizer's variables are away from it within an epoch, and asking for them would
    stop asynchronous dispatch: there a rate is read between epochs, and a schedule is computed.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        chosen = getattr(self._optimizer, "_learning_rate", None)
        scheduled = isinstance(chosen, keras.optimizers.schedules.LearningRateSchedule)
        self._schedule = chosen if scheduled else None
        self._away = keras.backend.backend() == "jax"
        self._before = 0
        self._held: float | None = None
        if scheduled:
            taken = getattr(self._optimizer, "_iterations", self._optimizer.iterations)
            self._before = int(_on_host(taken))
        self.rest()

    @property
    def schedule(self) -> str | None:
        """What kind of schedule there is."""
        return None if self._schedule is None else type(self._schedule).__name__

    def rest(self) -> None:
        """Read it: the model is at rest."""
        if self._schedule is None:
            self._held = quietly(lambda: _number(self._optimizer.learning_rate))

    def at(self, steps: int) -> float | None:
        """That of the next step, so many having been done in this training; None if unknown."""
        if self._schedule is not None:
            return quietly(lambda: self._scheduled(self._before + steps))
        if not self._away:
            self.rest()
        return self._held

    def _scheduled(self, step: int) -> float:
        assert self._schedule is not None
        with keras.device("cpu"):  # no queue of an accelerator is waited for
            return _number(self._schedule(step))


def _number(found: Any) -> float:
    """A single-precision one reads as it was written: 0.001."""
    return float(f"{float(_on_host(found)):.7g}")


def _on_host(found: Any) -> Any:
    if isinstance(found, keras.Variable):
        found = found.value  # converting the variable itself makes numpy warn
    return keras.ops.convert_to_numpy(found)


def quietly(ask: Callable[[], T]) -> T | None:
    """The answer; None where the model, which may be anybody's, has none."""
    try:
        return ask()
    except Exception:  # noqa: BLE001 - as above
        return None


def parameters_of(model: Any, rate: LearningRate | None) -> dict[str, Any]:
    """The settings that a compiled model shows: first what everybody knows."""
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    found: dict[str, Any] = {}
    if getattr(model, "compiled", False):
        found["loss_method"] = quietly(lambda: _name_of_loss(model.loss))
    if optimizer is not None:
        found["optimizer_name"] = type(optimizer).__name__
        found["learning_rate"] = rate and rate.at(0)
        found["epsilon"] = quietly(lambda: optimizer.epsilon)
        found.update(quietly(lambda: dict(_settings_of(optimizer))) or {})
        found["optimizer_learning_rate_schedule"] = rate and rate.schedule
    found["model_name"] = getattr(model, "name", None)
    found["number_of_parameters"] = quietly(model.count_params)
    return {name: value for name, value in found.items() if value is not None}


def _settings_of(optimizer: Any) -> Iterator[tuple[str, Any]]:
    """Whatever else it was made with. Its `get_config` knows too, but may import TensorFlow."""
    for name in _arguments_of(type(optimizer)):
        value = quietly(partial(getattr, optimizer, name))
        if name not in _SAID_ELSEWHERE and isinstance(value, (bool, int, float, str)):
            yield f"optimizer_{name}", value


def _arguments_of(kind: type) -> Iterator[str]:
    """Those of every class that it is made of, the most general one's first."""
    for each in reversed(kind.__mro__):
        if "__init__" in vars(each):
            yield from inspect.signature(vars(each)["__init__"]).parameters


def _name_of_loss(loss: Any) -> str | None:
    """As a name: the text of a function or an object would say where it lies in memory."""
    if isinstance(loss, Mapping):
        return ", ".join(f"{key}: {_name_of_loss(each)}" for key, each in loss.items())
    if isinstance(loss, (list, tuple)):
        return ", ".join(str(_name_of_loss(each)) for each in loss)
    if loss is None or isinstance(loss, str):
        return loss
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__))
