"""The one number that a value holds, where the store's own conversion is not enough."""

from __future__ import annotations

from typing import Any

import pytest

from reporter.board.values import number, whole
from reporter.errors import ValueRefused


class Tensor:
    """What a tensor of a framework looks like from outside."""

    ndim = 1

    def __init__(self, elements: int, requires_grad: bool = False, detached: bool = False) -> None:
        self.elements, self.requires_grad, self.detached = elements, requires_grad, detached

    def numel(self) -> int:
        return self.elements

    def detach(self) -> Tensor:
        return Tensor(self.elements, detached=True)

    def item(self) -> float:
        assert not self.requires_grad, "torch warns here"
        return 2.5 if self.detached else 1.5


def test_f7_a_tensor_of_one_element_is_its_element() -> None:
    """A tensor of one element is its element; a gradient is let go of first."""
    assert number("m", Tensor(1)) == 1.5
    assert number("m", Tensor(1, requires_grad=True)) == 2.5


def test_f7_a_tensor_of_many_elements_says_how_many() -> None:
    """A tensor of many elements is refused; the message says what to report instead."""
    with pytest.raises(ValueRefused) as refused:
        number("loss", Tensor(32))
    assert str(refused.value) == (
        "metric 'loss' got an array of 32 elements; report one number, such as value.mean()"
    )


def test_a_refusal_never_shows_a_novel() -> None:
    """A long value is cut, and one whose repr fails is named by its type."""

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(ValueRefused) as refused:
        number("m", "x" * 10_000)
    assert len(str(refused.value)) < 200
    with pytest.raises(ValueRefused, match=r"got … \(Silent\)"):
        number("m", Silent())


def test_f2_too_large_a_number_is_an_overflow() -> None:
    """A number that no double holds is told from what is no number at all."""
    with pytest.raises(OverflowError):
        number("m", 10**400)


def test_an_interrupt_is_not_a_bad_value() -> None:
    """Ctrl-C while a user's __float__ runs stays what it is."""

    class Interrupted:
        def __float__(self) -> float:
            raise KeyboardInterrupt

        __index__ = __float__

    with pytest.raises(KeyboardInterrupt):
        number("m", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        whole("m", Interrupted())


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("3", "step of metric 'm' must be a whole number, not '3' (str)"),
        (b"3", "step of metric 'm' must be a whole number, not b'3' (bytes)"),
        (0.5, "step of metric 'm' must be a whole number, not 0.5 (float)"),
        (2**63, "step of metric 'm' is out of range: 9223372036854775808"),
        (-(2**63), "step of metric 'm' is out of range: -9223372036854775808"),
        (1e300, f"step of metric 'm' is out of range: {int(1e300)}"),
    ],
)
def test_what_is_no_step_is_refused(step: Any, message: str) -> None:
    """With the metric's name and what was given."""
    with pytest.raises(ValueRefused) as refused:
        whole("m", step)
    assert str(refused.value) == message


def test_whatever_a_step_raises_is_a_refusal() -> None:
    """A user's __index__ and __float__ may fail in any way."""

    class Broken:
        def __index__(self) -> int:
            raise ZeroDivisionError

        def __float__(self) -> float:
            raise ZeroDivisionError

    with pytest.raises(ValueRefused):
        whole("m", Broken())


@pytest.mark.parametrize("broken", ["detach", "dtype", "ndim", "item", "size"])
def test_f7_whatever_a_value_raises_is_a_refusal(broken: str) -> None:
    """A device that fails under a tensor makes it a bad value, and nothing else."""

    class Failing:
        requires_grad, ndim, size, dtype = True, 1, 1, None

        def detach(self) -> Any:
            return self

        def item(self) -> float:
            return 1.0

    def fail(*_: object) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered")

    kept: Any = fail if broken in ("detach", "item") else property(fail)
    setattr(Failing, broken, kept)
    with pytest.raises(ValueRefused, match="metric 'm'"):
        number("m", Failing())
