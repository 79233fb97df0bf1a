"""Which GPUs a process sees, as CUDA has it."""

from __future__ import annotations

import pytest

from reporter.sender.machine.visible import Device, sees_none, visible

GPUS = [
    Device(0, "GPU-8932f937-d72c", None),
    Device(1, "GPU-8900aaaa-0000", None),
    Device(2, "GPU-46184abb-bf2d", None),
]
FIRST = Device(1, "MIG-c6d4f1ef-42e4", None, whole=False)
SECOND = Device(1, "MIG-cba663e8-9bed", None, whole=False)
DIVIDED = [GPUS[0], Device(1, "GPU-5678", None, (FIRST, SECOND)), GPUS[2]]
EMPTY = [GPUS[0], Device(1, "GPU-5678", None, ())]


@pytest.mark.parametrize(
    ("asked_for", "seen"),
    [
        (None, [0, 1, 2]),
        ("0,1,2", [0, 1, 2]),
        ("2,0", [2, 0]),
        (" 1 , 2 ", [1, 2]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0,-1,2", [0]),
        ("0,7,2", [0]),
        ("1,,2", [1]),
        ("2gpu", [2]),
        ("1,1", []),
        ("0,GPU-8932f937", []),
        ("GPU-46184abb-bf2d,GPU-8932", [2, 0]),
        ("GPU-89", []),  # of two
        ("GPU-46,GPU-nobody,GPU-8932", [2]),
        ("gpu-46", []),
        ("GPU-", []),
    ],
)
def test_gpus_by_place_and_by_uuid(asked_for: str | None, seen: list[int]) -> None:
    """In the order given, up to the first that is none; one given twice means none at all."""
    assert [device.number for device in visible(asked_for, GPUS)] == seen


@pytest.mark.parametrize(
    ("asked_for", "seen"),
    [
        (None, [FIRST]),
        ("1", [FIRST]),
        ("0", [GPUS[0]]),
        ("0,2", [GPUS[0], GPUS[2]]),
        ("0,1", [FIRST]),
        ("MIG-cba663e8-9bed", [SECOND]),
        ("MIG-cba", [SECOND]),
        ("MIG-c", []),
        ("MIG-cba663e8-9bed,MIG-c6d4f1ef-42e4", [SECOND]),
        ("GPU-5678", [FIRST]),
    ],
)
def test_one_instance_of_a_divided_gpu(asked_for: str | None, seen: list[Device]) -> None:
    """A process uses one at most, and then nothing else."""
    assert visible(asked_for, DIVIDED) == seen


def test_a_divided_gpu_without_instances_is_none() -> None:
    """There is nothing in it that could be used."""
    assert visible(None, EMPTY) == [GPUS[0]]
    assert visible("1", EMPTY) == []


@pytest.mark.parametrize("asked_for", ["", " ", "-1", "none", "void"])
def test_who_sees_none_asks_no_driver(asked_for: str) -> None:
    """The variable alone tells."""
    assert sees_none(asked_for)
    assert visible(asked_for, GPUS) == []


@pytest.mark.parametrize("asked_for", [None, "0", " 1,2", "GPU-46", "MIG-1"])
def test_who_may_see_one_has_to_ask(asked_for: str | None) -> None:
    """Whether there is such a one, only a driver knows."""
    assert not sees_none(asked_for)
