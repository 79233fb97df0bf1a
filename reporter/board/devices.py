"""Values that lie on a device: known by what they can do, read when they are there.

No framework is imported for it: a value of one that is not loaded cannot be at hand. To read a
tensor as `float()` does is to wait for all work that the device has been given. So a value is
asked for when it is reported, and read once the device says that it has arrived.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque

from reporter.board.values import one_number_only
from reporter.errors import ValueRefused

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Reading(Protocol):
        """A value on its way. `release` follows once nobody will read it again."""

        def ready(self, waits: bool) -> bool: ...
        def read(self) -> float: ...
        def release(self) -> None: ...

    Ask = Callable[[str, Any], Reading]


_NUMBERS = 1024
_pinned: deque[Any] = deque()  # memory that the device writes into, a number each; not yet used
_landings: dict[Any, deque[_Landing]] = {}  # those that are free, by device


def how_to_ask(value: Any) -> Ask | None:
    """How to ask for a value that lies on a device; None for one that can be read at once."""
    if type(value) is float or type(value) is int:
        return None
    try:
        return _ask_of(value)
    except Exception:  # noqa: BLE001 - an odd object, which the conversion judges
        return None


def _ask_of(value: Any) -> Ask | None:
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    if tensor is not None and isinstance(value, tensor):
        return _ask_torch if value.device.type in {"cuda", "xpu"} else None
    framework = type(value).__module__.partition(".")[0]
    if framework in {"jax", "jaxlib"} and hasattr(value, "copy_to_host_async"):
        value.is_ready()  # which a tracer refuses
        return _Array
    if framework == "tensorflow" and hasattr(value, "numpy"):  # a symbol has none
        device = str(value.device)
        return _Kept if "GPU" in device or "TPU" in device else None
    return None


def _ask_torch(name: str, value: Any) -> Reading:
    torch = sys.modules["torch"]
    if value.numel() != 1:
        raise one_number_only(name, value.numel())
    if value.is_complex():
        raise ValueRefused(f"metric {name!r} got a complex tensor; report one number")
    if _capturing(getattr(torch, value.device.type)):  # a copy would become part of the graph
        raise ValueRefused(
            f"metric {name!r} got a tensor of a CUDA graph that is being captured; report it after"
            " a replay"
        )
    try:
        local = _local(value)
        landing = _landing(torch, value.device)
        landing.expect(local)
    except Exception as error:
        # Not the value's repr, which waits for the device.
        raise ValueRefused(
            f"metric {name!r} got a tensor on {value.device} that cannot be copied:"
            f" {str(error) or type(error).__name__}"
        ) from error
    return landing


def _local(value: Any) -> Any:
    """What this rank has of the tensor: one of FSDP2 or tensor parallel may lie on several."""
    if not hasattr(value, "to_local"):
        return value
    if not all(placement.is_replicate() for placement in value.placements):
        raise TypeError("it lies on several ranks; report its full_tensor(), made by all of them")
    return value.to_local()


def _capturing(driver: Any) -> bool:
    """Whether what is asked of the device now would be recorded, or spoil the recording."""
    asked = getattr(driver, "is_current_stream_capturing", None)
    return asked is not None and bool(asked())


def _landing(torch: Any, device: Any) -> _Landing:
    free = _landings.setdefault(device, deque())
    try:
        return free.pop()
    except IndexError:
        driver = getattr(torch, device.type)
        return _Landing(_pinned_number(torch), driver, free)


def _pinned_number(torch: Any) -> Any:
    """Pinned memory is made a block at a time, since making it may wait for the device."""
    try:
        return _pinned.pop()
    except IndexError:
        with torch.inference_mode(False):  # what is made in it could not be written outside
            block = torch.empty(_NUMBERS, dtype=torch.float64, device="cpu", pin_memory=True)
            first, *others = block.unbind()
        _pinned.extend(others)
        return first


class _Landing:
    """Where a tensor's number arrives, and the event that says it has."""

    __slots__ = ("driver", "event", "free", "number")

    def __init__(self, number: Any, driver: Any, free: deque[_Landing]) -> None:
        self.number = number
        self.driver = driver
        self.event = driver.Event()
        self.free = free

    def expect(self, value: Any) -> None:
        self.number.copy_(value.detach().reshape(()), non_blocking=True)
        self.event.record(self.driver.current_stream(value.device))

    def ready(self, waits: bool) -> bool:  # noqa: ARG002 - the event knows
        return not _capturing(self.driver) and bool(self.event.query())

    def read(self) -> float:
        return float(self.number)

    def release(self) -> None:
        self.free.append(self)


class _Array:
    """An array of JAX, on the CPU too: its computations are asynchronous there as well."""

    __slots__ = ("array",)

    def __init__(self, name: str, array: Any) -> None:
        if array.size != 1:
            raise one_number_only(name, array.size)
        if array.dtype.kind == "c":
            raise ValueRefused(f"metric {name!r} got a complex array; report one number")
        try:
            if not array.is_ready():
                array.copy_to_host_async()
        except Exception as error:
            raise ValueRefused(f"metric {name!r} got an array that is gone: {error}") from error
        self.array = array

    def ready(self, waits: bool) -> bool:  # noqa: ARG002 - the array knows
        return bool(self.array.is_ready())

    def read(self) -> float:
        return float(self.array.item())

    def release(self) -> None:
        pass


class _Kept:
    """A tensor of TensorFlow, which cannot tell: kept until the next one of its name is there."""

    __slots__ = ("__weakref__", "tensor", "waited_for")

    def __init__(self, name: str, tensor: Any) -> None:
        if (count := tensor.shape.num_elements()) != 1:
            raise one_number_only(name, count)
        # A variable may be assigned to before it is read.
        self.tensor = tensor.read_value() if hasattr(tensor, "read_value") else tensor
        self.waited_for = False
        if (before := _newest_kept.get(name)) is not None:
            before.waited_for = True
        _newest_kept[name] = self

    def ready(self, waits: bool) -> bool:
        return waits or self.waited_for

    def read(self) -> float:
        return float(self.tensor.numpy().item())

    def release(self) -> None:
        pass


_newest_kept: weakref.WeakValueDictionary[str, _Kept] = weakref.WeakValueDictionary()
