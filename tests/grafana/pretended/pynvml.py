"""Two pretended GPUs under the name of NVIDIA's module: the demo runs where there is none."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

from tests.unit.sender.machine.drivers import NVML_TEMPERATURE_GPU, Driver, Gpu

__all__ = ["NVML_TEMPERATURE_GPU"]

_UUIDS = ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-46184abb-bf2d-4b57-8d0e-6a3e8f1f2c55")
_WATTS_AT_REST, _WATTS_AT_WORK = 90, 520


class _Busy(Driver):
    """Load that rises and falls over a minute, and all that comes with it."""

    def __init__(self, *gpus: Gpu) -> None:
        super().__init__(*gpus)
        self._began = time.time()

    def _load(self, gpu: Gpu) -> float:
        share = 0.82 + 0.12 * math.sin(time.time() / 10)
        return share if gpu is self.gpus[0] else share * 0.8

    def _watts(self, gpu: Gpu) -> float:
        return _WATTS_AT_REST + _WATTS_AT_WORK * self._load(gpu)

    def _nvmlDeviceGetUtilizationRates(self, gpu: Gpu) -> object:
        return SimpleNamespace(gpu=round(100 * self._load(gpu)), memory=40)

    def _nvmlDeviceGetMemoryInfo(self, gpu: Gpu) -> object:
        used = round((58 + 4 * self._load(gpu)) * 2**30)
        return SimpleNamespace(total=80 << 30, used=used, free=(80 << 30) - used)

    def _nvmlDeviceGetPowerUsage(self, gpu: Gpu) -> int:
        return round(1000 * self._watts(gpu))

    def _nvmlDeviceGetTemperature(self, gpu: Gpu, sensor: int) -> int:
        return round(35 + 35 * self._load(gpu))

    def _nvmlDeviceGetTotalEnergyConsumption(self, gpu: Gpu) -> int:
        return round(1000 * (time.time() - self._began) * self._watts(self.gpus[0] or gpu))


_driver = _Busy(*map(Gpu, _UUIDS))


def __getattr__(name: str) -> Any:
    return getattr(_driver, name)
