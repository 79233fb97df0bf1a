"""A torch whose device computes when the test says so, and where whoever waits for it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from reporter.board import devices

GARBAGE = -1e300  # what lies in memory that the device has not written yet


class Device(NamedTuple):
    """What `tensor.device` is."""

    type: str = "cuda"
    index: int = 0


class Stream:
    """Work in its order, done as far as the test lets it."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.done = 0
        self.asked = 0
        self.blocks = 0  # of pinned memory
        self.capturing = False
        self.copy_error: Exception | None = None
        self.query_error: Exception | None = None
        self.while_asked: Callable[[], None] = lambda: None

    def go_on(self, pieces: int | None = None) -> None:
        """Do so much of what was asked for; all of it if not told."""
        until = len(self.work) if pieces is None else min(self.done + pieces, len(self.work))
        for do in self.work[self.done : until]:
            do()
        self.done = until


class Tensor:
    """One number on the device, or several. Whoever looks at it waits, which fails."""

    is_cuda, requires_grad = True, True

    def __init__(self, value: float, count: int = 1, kind: str = "cuda") -> None:
        self._value, self._count, self.device = value, count, Device(kind)
        self.ndim = 0 if count == 1 else 1

    def numel(self) -> int:
        return self._count

    def is_complex(self) -> bool:
        return False

    def detach(self) -> Tensor:
        return self

    def reshape(self, shape: tuple[()]) -> Tensor:
        return self

    def synchronised(self, *_: object) -> Any:
        raise AssertionError("synchronised")

    __float__ = __int__ = __index__ = __bool__ = __repr__ = __array__ = synchronised
    item = tolist = cpu = numpy = synchronised


Tensor.__module__ = "torch"


class Pinned:
    """A number of the block that the device writes into."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._value = stream, GARBAGE

    def copy_(self, tensor: Tensor, non_blocking: bool = False) -> None:
        assert non_blocking, "synchronised"
        if self._stream.copy_error:
            raise self._stream.copy_error
        self._value = GARBAGE
        self._stream.work.append(lambda: setattr(self, "_value", float(tensor._value)))

    def __float__(self) -> float:
        return self._value


class Block:
    """Pinned memory for some numbers."""

    def __init__(self, stream: Stream, count: int) -> None:
        self._numbers = [Pinned(stream) for _ in range(count)]

    def unbind(self) -> tuple[Pinned, ...]:
        return tuple(self._numbers)


def _torch(stream: Stream) -> ModuleType:
    class Event:
        def record(self, on: Stream) -> None:
            self._at = len(on.work)

        def query(self) -> bool:
            assert not stream.capturing, "it would spoil the graph"
            stream.asked += 1
            stream.while_asked()
            if stream.query_error:
                raise stream.query_error
            return stream.done >= self._at

    @contextmanager
    def inference_mode(mode: bool) -> Iterator[None]:
        yield

    def empty(count: int, *, dtype: str, device: str, pin_memory: bool) -> Block:
        assert (device, pin_memory) == ("cpu", True)
        stream.blocks += 1
        return Block(stream, count)

    torch: Any = ModuleType("torch")
    torch.Tensor, torch.float64 = Tensor, "float64"
    torch.empty, torch.inference_mode = empty, inference_mode
    torch.cuda = ModuleType("torch.cuda")
    torch.cuda.Event = Event
    torch.cuda.current_stream = lambda device: stream
    torch.cuda.is_current_stream_capturing = lambda: stream.capturing
    return torch  # type: ignore[no-any-return]


@contextmanager
def pretended_device() -> Iterator[Stream]:
    """In place of torch, whether it is installed or not."""
    stream = Stream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", _torch(stream))
        patch.setattr(devices, "_pinned", type(devices._pinned)())
        patch.setattr(devices, "_landings", {})
        yield stream
