"""A driver of GPUs that does whatever a test wants: what `pynvml` is, by the calls that we make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

NVML_TEMPERATURE_GPU = 0


class NotSupported(Exception):
    """What the real one raises, of some class of its own, for all that it does not do."""


class Gpu:
    """One device of the driver, or an instance of one."""

    def __init__(self, uuid: str | bytes, instances: Sequence[Gpu] | None = None) -> None:
        self.uuid, self.instances = uuid, instances
        self.used = 1 << 30


class Driver:
    """Stands for the module. `broken` names the calls that raise, and `hanging` one that hangs."""

    NVML_TEMPERATURE_GPU = NVML_TEMPERATURE_GPU

    def __init__(self, *gpus: Gpu) -> None:
        self.gpus: list[Gpu | None] = list(gpus)  # None: one that is kept from us
        self.broken: set[str] = set()
        self.hanging = ""
        self.released = threading.Event()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("nvml"):
            raise AttributeError(name)
        return lambda *arguments: self._answer(name, arguments)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        self.calls.append(name)
        if name == self.hanging:
            self.released.wait()
        if name in self.broken:
            raise NotSupported(name)
        return getattr(self, "_" + name, lambda *_: None)(*arguments)

    def _nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def _nvmlDeviceGetHandleByIndex(self, number: int) -> Gpu:
        found = self.gpus[number]
        if found is None:
            raise NotSupported("no permission")
        return found

    def _nvmlDeviceGetUUID(self, gpu: Gpu) -> str | bytes:
        return gpu.uuid

    def _nvmlDeviceGetMigMode(self, gpu: Gpu) -> tuple[int, int]:
        if gpu.instances is None:
            raise NotSupported("cannot be divided")
        return 1, 1

    def _nvmlDeviceGetMaxMigDeviceCount(self, gpu: Gpu) -> int:
        return 7

    def _nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Gpu, nth: int) -> Gpu:
        assert gpu.instances is not None
        if nth >= len(gpu.instances):
            raise NotSupported("not found")
        return gpu.instances[nth]

    def _nvmlDeviceGetMemoryInfo(self, gpu: Gpu) -> object:
        return SimpleNamespace(total=80 << 30, used=gpu.used, free=0)

    def _nvmlDeviceGetUtilizationRates(self, gpu: Gpu) -> object:
        return SimpleNamespace(gpu=75, memory=10)

    def _nvmlDeviceGetPowerUsage(self, gpu: Gpu) -> int:
        return 350_500

    def _nvmlDeviceGetTemperature(self, gpu: Gpu, sensor: int) -> int:
        assert sensor == NVML_TEMPERATURE_GPU
        return 61

    def _nvmlDeviceGetTotalEnergyConsumption(self, gpu: Gpu) -> int:
        return 12_000_500
