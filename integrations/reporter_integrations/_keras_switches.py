"""What of a training is reported, and which switches turn it off."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from reporter.reporter.scope import Reporter


class Switches(NamedTuple):
    """What is reported, in the words and with the defaults of the older library."""

    accuracy: bool = True
    loss: bool = True
    learning_rate: bool = True
    epoch: bool = True
    step: bool = True
    batch_size: bool | int = True
    overall_epochs: bool = True
    optimizer_name: bool = True
    number_of_layers: bool = True
    loss_method: bool = False
    epsilon: bool = False

    def show(self, name: str) -> bool:
        """Whether a metric or parameter is wanted; one that no switch names is."""
        for prefix in ("val_", "test_"):
            name = name.removeprefix(prefix)
        if name.startswith("optimizer_"):
            name = "optimizer_name"
        return bool(getattr(self, name)) if name in self._fields else True


class Switched(TypedDict, total=False):
    """The same as keyword arguments. A number for `batch_size` tells it where data cannot."""

    accuracy: bool
    loss: bool
    learning_rate: bool
    epoch: bool
    step: bool
    batch_size: bool | int
    overall_epochs: bool
    optimizer_name: bool
    number_of_layers: bool
    loss_method: bool
    epsilon: bool


def chosen(owner: str, given: tuple[Any, ...], named: Mapping[str, Any]) -> Switches:
    """The switches that a user gave; what is wrong with them is said in their own words."""
    names = Switches._fields
    if len(given) > len(names):
        raise TypeError(f"{owner} has {len(names)} switches, not {len(given)}")
    found = dict(zip(names, given, strict=False))
    for name in named:
        if name not in names:
            raise TypeError(f"{owner} has no switch {name!r}; it has {', '.join(names)}")
        if name in found:
            raise TypeError(f"{owner} is given {name!r} twice: by its place and by its name")
    found.update(named)
    return Switches(**{name: _checked(owner, name, value) for name, value in found.items()})


def _checked(owner: str, name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, Reporter):
        raise TypeError(f"{owner} takes switches by their place: give it as reporter=")
    if name != "batch_size":
        raise TypeError(f"the switch {name!r} of {owner} is True or False, not {value!r}")
    if not hasattr(value, "__index__") or operator.index(value) < 0:
        raise TypeError(
            f"the switch {name!r} of {owner} is True, False or a whole number, not {value!r}"
        )
    return operator.index(value)
