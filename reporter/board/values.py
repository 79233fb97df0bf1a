"""Takes one number out of what a user reports, or says why there is none."""

from __future__ import annotations

import operator

from reporter.board.layout import NO_STEP
from reporter.errors import ValueRefused

# numpy's times, texts, raw bytes and complex numbers, some of which float() takes all the same.
_NO_NUMBERS = ("m", "M", "U", "S", "V", "c")

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any


def number(name: str, value: Any) -> float:
    """The one number that `value` holds. Raises ValueRefused, or OverflowError if too large."""
    if type(value) is float or type(value) is int:
        return float(value)  # outside of the try: what a signal handler raises here is not ours
    if isinstance(value, (str, bytes, bytearray)) or value is None:
        raise _refusal(name, value)
    try:
        return _converted(name, value)
    except (OverflowError, ValueRefused):
        raise
    except Exception as error:
        raise _refusal(name, value) from error


def _converted(name: str, value: Any) -> float:
    detach = getattr(value, "detach", None)  # torch warns when a tensor with a gradient is read
    if detach is not None and getattr(value, "requires_grad", False):
        value = detach()
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(kind, str) and kind in _NO_NUMBERS:
        raise _refusal(name, value)
    if getattr(value, "ndim", 0) and hasattr(value, "item"):
        value = _only_element(name, value)
    if not hasattr(type(value), "__float__") and not hasattr(type(value), "__index__"):
        raise _refusal(name, value)  # float() would read a buffer's bytes as text
    return float(value)


def whole(name: str, step: Any) -> int:
    """The whole number that `step` is. Raises ValueRefused."""
    try:
        found = operator.index(step)
    except Exception:  # noqa: BLE001 - whatever a user's __index__ raises
        found = _whole_float(name, step)
    if not NO_STEP < found < 2**63:
        raise ValueRefused(f"step of metric {name!r} is out of range: {found}")
    return found


def _whole_float(name: str, step: Any) -> int:
    try:
        found = float(step)
        if found.is_integer() and not isinstance(step, (str, bytes)):
            return int(found)
    except Exception:  # noqa: BLE001 - as above, of a user's __float__
        found = 0.0
    raise ValueRefused(f"step of metric {name!r} must be a whole number, not {_shown(step)}")


def _only_element(name: str, value: Any) -> Any:
    size = getattr(value, "size", None)
    count = size if isinstance(size, int) else getattr(value, "numel", lambda: 0)()
    if count != 1:
        raise one_number_only(name, count)
    return value.reshape(()) if hasattr(value, "filled") else value.item()  # a masked one: NaN


def one_number_only(name: str, count: Any) -> ValueRefused:
    """What says that a value holds several numbers, or none."""
    return ValueRefused(
        f"metric {name!r} got an array of {count} elements; report one number, such as value.mean()"
    )


def _refusal(name: str, value: Any) -> ValueRefused:
    return ValueRefused(
        f"metric {name!r} got {_shown(value)}; report one number, or use report_parameter for text"
    )


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - a repr may fail, an error message must not
        shown = "…"
    return f"{shown if len(shown) <= 60 else shown[:57] + '…'} ({type(value).__name__})"
