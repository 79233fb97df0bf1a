"""What GPUs are at, by a driver that works, that does not, and that goes away."""

from __future__ import annotations

import math

import pytest

from reporter.names import FAMILIES
from reporter.sender.machine.gpu import Gpus
from reporter.sender.machine.reading import Reading
from tests.unit.sender.machine.drivers import Driver, Gpu, NotSupported

EVERY = {name for name in FAMILIES if name.startswith("reporter_gpu_")}
MEMORY = {"reporter_gpu_memory_used_bytes", "reporter_gpu_memory_total_bytes"}
ASKED_BY = {
    "reporter_gpu_utilization_ratio": "nvmlDeviceGetUtilizationRates",
    "reporter_gpu_power_watts": "nvmlDeviceGetPowerUsage",
    "reporter_gpu_temperature_celsius": "nvmlDeviceGetTemperature",
    "reporter_gpu_energy_joules_total": "nvmlDeviceGetTotalEnergyConsumption",
}


def two() -> Driver:
    return Driver(Gpu("GPU-aaaa-1"), Gpu("GPU-bbbb-2"))


def uuids(reading: Reading) -> list[str]:
    """Of whom there are samples of memory."""
    return [labels["UUID"] for labels, _ in dict(reading).get("reporter_gpu_memory_used_bytes", [])]


def test_every_family_of_every_gpu() -> None:
    """In the units of their names, with the labels of NVIDIA's exporter."""
    reading = dict(Gpus(two(), None).read())
    assert set(reading) == EVERY
    first, second = {"gpu": "0", "UUID": "GPU-aaaa-1"}, {"gpu": "1", "UUID": "GPU-bbbb-2"}
    assert reading["reporter_gpu_utilization_ratio"] == [(first, 0.75), (second, 0.75)]
    assert reading["reporter_gpu_memory_used_bytes"][0] == (first, 2.0**30)
    assert reading["reporter_gpu_memory_total_bytes"][0] == (first, 80 * 2.0**30)
    assert reading["reporter_gpu_power_watts"][0] == (first, 350.5)
    assert reading["reporter_gpu_temperature_celsius"][0] == (first, 61.0)
    assert reading["reporter_gpu_energy_joules_total"][0] == (first, 12000.5)


@pytest.mark.parametrize("family", ASKED_BY)
def test_a_call_that_fails_leaves_out_its_own_family_alone(family: str) -> None:
    """Cards for desktops tell no energy, passively cooled ones no power, and so on."""
    driver = two()
    driver.broken = {ASKED_BY[family]}
    assert {name for name, _ in Gpus(driver, None).read()} == EVERY - {family}


def test_a_driver_that_is_not_there_is_asked_once() -> None:
    """Whoever has no GPU pays for no more."""
    driver = Driver()
    driver.broken = {"nvmlInit"}
    with pytest.raises(NotSupported):
        Gpus(driver, None)
    assert driver.calls == ["nvmlInit"]


@pytest.mark.parametrize("uuid", ["GPU-aaaa-1", b"GPU-aaaa-1"])
def test_a_uuid_is_text_or_bytes(uuid: str | bytes) -> None:
    """Of the packages that are imported as pynvml, older ones tell bytes."""
    reading = Gpus(Driver(Gpu(uuid)), "GPU-aaaa").read()
    assert uuids(reading) == ["GPU-aaaa-1"]


def test_a_gpu_without_a_uuid_shows_all_the_same() -> None:
    """It is known by its number then."""
    driver = two()
    driver.broken = {"nvmlDeviceGetUUID"}
    samples = dict(Gpus(driver, "1").read())["reporter_gpu_power_watts"]
    assert samples == [({"gpu": "1", "UUID": ""}, 350.5)]


def test_one_that_is_kept_from_us_has_no_place_in_the_list() -> None:
    """CUDA counts those that it may use; the label keeps the driver's number."""
    driver = two()
    driver.gpus.insert(0, None)
    reading = Gpus(driver, "1").read()
    assert uuids(reading) == ["GPU-bbbb-2"]
    assert dict(reading)["reporter_gpu_power_watts"][0][0]["gpu"] == "2"


def test_an_instance_has_its_own_memory_and_nothing_else() -> None:
    """It shares the power, the heat and the energy of its GPU, and has no utilisation."""
    divided = Gpu("GPU-aaaa", [Gpu("MIG-1"), Gpu("MIG-2")])
    divided.instances[1].used = 5  # type: ignore[index]
    reading = Gpus(Driver(divided, Gpu("GPU-bbbb")), "MIG-2").read()
    assert {name for name, _ in reading} == MEMORY
    assert reading[0][1] == [({"gpu": "0", "UUID": "MIG-2"}, 5.0)]


def test_a_package_that_knows_nothing_of_instances_is_enough() -> None:
    """It is older than they are."""
    driver = Driver(Gpu("GPU-aaaa", []))
    driver.broken = {"nvmlDeviceGetMigMode"}
    assert uuids(Gpus(driver, None).read()) == ["GPU-aaaa"]


def test_a_driver_that_goes_away_is_looked_for_once_a_minute() -> None:
    """Its last readings are not shown any more, and it is found again when it is back."""
    now, driver = 0.0, two()
    gpus = Gpus(driver, None, clock=lambda: now)
    working, driver.broken = driver.broken, {*ASKED_BY.values(), "nvmlDeviceGetMemoryInfo"}
    assert gpus.read() == []
    driver.broken, driver.calls = working, []
    assert gpus.read() == []
    assert driver.calls == []
    now = 61.0
    assert uuids(gpus.read()) == ["GPU-aaaa-1", "GPU-bbbb-2"]
    assert driver.calls[:2] == ["nvmlShutdown", "nvmlInit"]


def test_what_is_no_number_is_no_value() -> None:
    """Whatever a driver answers."""
    driver = two()
    driver.gpus[0].used = None  # type: ignore[union-attr, assignment]
    reading = dict(Gpus(driver, None).read())
    assert uuids(list(reading.items())) == ["GPU-bbbb-2"]
    every = [value for samples in reading.values() for _, value in samples]
    assert all(isinstance(value, float) and math.isfinite(value) for value in every)
