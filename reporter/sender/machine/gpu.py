"""What the GPUs that training sees are at, as their driver tells: NVML, by `pynvml`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from reporter.sender.machine.reading import Reading, Sample, asked
from reporter.sender.machine.visible import Device, visible

_BETWEEN_TRIES = 60.0

_Ask = Callable[[Any, Any], float]

_MEMORY: dict[str, _Ask] = {
    "reporter_gpu_memory_used_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).used,
    "reporter_gpu_memory_total_bytes": lambda nvml, gpu: nvml.nvmlDeviceGetMemoryInfo(gpu).total,
}
_ALL: dict[str, _Ask] = {
    "reporter_gpu_utilization_ratio": (
        lambda nvml, gpu: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100
    ),
    **_MEMORY,
    "reporter_gpu_power_watts": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) / 1e3,
    "reporter_gpu_temperature_celsius": (
        lambda nvml, gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)
    ),
    "reporter_gpu_energy_joules_total": (
        lambda nvml, gpu: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1e3
    ),
}


class Gpus:
    """Those that a process sees. Raises at once where there is no driver to ask."""

    def __init__(
        self, nvml: Any, asked_for: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nvml, self._asked_for, self._clock = nvml, asked_for, clock
        self._next_try = 0.0
        nvml.nvmlInit()
        self.seen = self._look()

    def read(self) -> Reading:
        """As of now. A device that does not tell one thing still tells the others."""
        if not self.seen:
            self._look_again()
        found: dict[str, list[Sample]] = {}
        for device in self.seen:
            for family, sample in self._of(device):
                found.setdefault(family, []).append(sample)
        if not found and self.seen:  # the driver went away, or a GPU was divided anew
            self.seen, self._next_try = [], self._clock() + _BETWEEN_TRIES
        return list(found.items())

    def _of(self, device: Device) -> Iterator[tuple[str, Sample]]:
        labels = {"gpu": str(device.number), "UUID": device.uuid}
        # An instance has memory of its own; all else it shares, or does not tell.
        for family, ask in (_ALL if device.whole else _MEMORY).items():
            value = asked(ask, self._nvml, device.handle)
            if isinstance(value, (int, float)):
                yield family, (labels, float(value))

    def _look_again(self) -> None:
        if self._clock() >= self._next_try:
            self._next_try = self._clock() + _BETWEEN_TRIES
            asked(self._nvml.nvmlShutdown)
            asked(self._nvml.nvmlInit)
            self.seen = asked(self._look) or []

    def _look(self) -> list[Device]:
        # A GPU that a cgroup keeps from us is counted by the driver; CUDA does not count it.
        found = [asked(self._gpu, number) for number in range(self._nvml.nvmlDeviceGetCount())]
        return visible(self._asked_for, [each for each in found if each is not None])

    def _gpu(self, number: int) -> Device:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(number)
        return Device(number, self._uuid(handle), handle, asked(self._instances, number, handle))

    def _instances(self, number: int, handle: Any) -> tuple[Device, ...] | None:
        """Of a GPU that is divided. Most cannot be: they raise."""
        divided, _ = self._nvml.nvmlDeviceGetMigMode(handle)
        if not divided:
            return None
        most = self._nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
        found = [asked(self._instance, number, handle, nth) for nth in range(most)]
        return tuple(each for each in found if each is not None)

    def _instance(self, number: int, handle: Any, nth: int) -> Device:
        own = self._nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, nth)
        return Device(number, self._uuid(own), own, whole=False)

    def _uuid(self, handle: Any) -> str:
        found = asked(self._nvml.nvmlDeviceGetUUID, handle) or ""
        return found.decode() if isinstance(found, bytes) else str(found)
