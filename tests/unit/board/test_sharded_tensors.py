"""Tensors of several devices (torch's DTensor): read where each rank has the whole, or refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reporter.board.layout import Memory
from reporter.board.ring import Ring
from reporter.errors import ValueRefused
from tests.pretended_device import Tensor, pretended_device
from tests.unit.board.boards import Taker


class Placement:
    """How a tensor lies on one dimension of the mesh: the whole of it everywhere, or not."""

    def __init__(self, replicate: bool) -> None:
        self._replicate = replicate

    def is_replicate(self) -> bool:
        return self._replicate


class Distributed(Tensor):
    """It refuses a copy to where no mesh is, and says nothing; its part of this rank does not."""

    def __init__(self, value: float, *replicate: bool) -> None:
        super().__init__(value)
        self.placements = tuple(Placement(each) for each in replicate)

    def to_local(self) -> Tensor:
        return Tensor(self._value)

    def detach(self) -> Tensor:
        raise AssertionError


def test_a_tensor_that_every_rank_has_is_read(memory: Memory) -> None:
    """Its part on this rank is the whole, and no other rank is asked."""
    with pretended_device() as device:
        ring, taker = Ring(memory), Taker(memory)
        ring.report_metric("m", Distributed(0.5, True, True), 3)
        device.go_on()
        assert ring.look()
        assert taker.take() == [(1, 0.5, 3)]


@pytest.mark.parametrize("replicate", [(False,), (True, False)])
def test_a_part_of_a_tensor_is_refused(replicate: tuple[bool, ...], memory: Memory) -> None:
    """All ranks would have to be asked for the whole, which only the program knows to do."""
    with pretended_device() as device, pytest.raises(ValueRefused, match=r"full_tensor\(\)"):
        Ring(memory).report_metric("m", Distributed(0.5, *replicate))
    assert not device.work  # nothing was asked of it


def test_a_failure_without_a_word_is_called_by_its_name(memory: Memory) -> None:
    """Frameworks assert without a message."""
    with pretended_device() as device:
        device.copy_error = AssertionError()
        with pytest.raises(ValueRefused, match="cannot be copied: AssertionError"):
            Ring(memory).report_metric("m", Tensor(1))


# The processor stands in for a device: torch has a driver for it too, which has always finished.
_REAL = """
import torch
from torch.distributed import HashStore, destroy_process_group, init_process_group
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard
from reporter.board import devices
from reporter.errors import ValueRefused

init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
mesh = init_device_mesh("cpu", (1,))
devices._pinned.extend(torch.empty(8, dtype=torch.float64).unbind())
for placement in (Replicate(), Partial(), Shard(0)):
    value = torch.tensor([1.5], requires_grad=True) * 1
    try:
        reading = devices._ask_torch("m", DTensor.from_local(value, mesh, [placement]))
        print(reading.ready(False), reading.read())
    except ValueRefused as error:
        print("full_tensor()" in str(error))
destroy_process_group()
"""


@pytest.mark.slow
def test_torchs_own_distributed_tensor() -> None:
    """What it is known by is what torch gives it."""
    pytest.importorskip("torch")
    told = subprocess.run([sys.executable, "-c", _REAL], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["True 1.5", "True", "True"]
