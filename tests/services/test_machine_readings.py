"""Readings of the machine on a real Pushgateway, while a run is open and not after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reporter.names import FAMILIES
from tests.processes import status_of
from tests.runs import Group, Told, Training
from tests.services.programs import Pushgateway
from tests.unit.sender.machine import drivers
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

KINDS = ("reporter_process_", "reporter_host_", "reporter_gpu_")
# What a container may not show.
NOT_EVERYWHERE = {name for name in FAMILIES if name.startswith("reporter_host_disk_")}
DRIVER = """

_driver = Driver(Gpu("GPU-8932f937-d72c"), Gpu("GPU-46184abb-bf2d"))
_driver.hanging = {hanging!r}


def __getattr__(name):
    return getattr(_driver, name)
"""

EXIT_TIMEOUT = 30

Pretended = Callable[[str], str]


@pytest.fixture
def pretended(tmp_path: Path) -> Pretended:
    """An import path on which NVML has two GPUs, and perhaps a call that hangs."""

    def pretend(hanging: str = "") -> str:
        source = Path(drivers.__file__).read_text() + DRIVER.format(hanging=hanging)
        folder = tmp_path / "installed"
        folder.mkdir()
        (folder / "pynvml.py").write_text(source)
        return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))

    return pretend


def training(folder: Path, gateway: Pushgateway, **settings: object) -> Training:
    return Training(folder, gateway.url, interval=1, **{"sample_interval": 1, **settings})


def read(group: Group) -> set[str]:
    """The families of machine readings that it has."""
    return {sample.name for sample in group.samples if sample.name.startswith(KINDS)}


def named(*kinds: str) -> set[str]:
    return {name for name in FAMILIES if name.startswith(kinds)}


def pushed(told: Told, times: int) -> None:
    """Wait until the gateway has taken so many pushes of the run."""
    wait_for(lambda: told("status")["pushes"] >= times, what=f"{times} pushes")


def test_readings_are_there_while_a_run_is_open(
    tmp_path: Path, pushgateway: Pushgateway, pretended: Pretended
) -> None:
    """Of the process, the machine and the GPUs that it sees; once it has ended, none."""
    runs = training(tmp_path, pushgateway)
    seen = {"PYTHONPATH": pretended(""), "CUDA_VISIBLE_DEVICES": "1"}
    with runs.told(**seen) as told:
        told("report_metric", "loss", 0.37)
        wait_for(
            lambda: read(runs.group(told.run)) >= named(*KINDS) - NOT_EVERYWHERE, what="readings"
        )
        group = runs.group(told.run)
        gpu = {"gpu": "1", "UUID": "GPU-46184abb-bf2d"}
        assert group.value("reporter_gpu_power_watts") == 350.5
        assert group.value("reporter_gpu_power_watts", **gpu) == 350.5
        threads = float(status_of(told.pid)["Threads"])
        assert group.value("reporter_process_threads") == threads
        told.leave()
    group = runs.ended_group()
    assert (group.metric("loss"), read(group)) == (0.37, set())


def test_an_interval_of_0_shows_none(
    tmp_path: Path, pushgateway: Pushgateway, pretended: Pretended
) -> None:
    """However long the run lasts."""
    runs = training(tmp_path, pushgateway, sample_interval=0)
    with runs.told(PYTHONPATH=pretended(""), CUDA_VISIBLE_DEVICES="0,1") as told:
        told("report_metric", "loss", 0.37)
        pushed(told, 4)
        group = runs.group(told.run)
    assert (group.metric("loss"), read(group)) == (0.37, set())


def test_readings_are_none_of_the_users_series(
    tmp_path: Path, pushgateway: Pushgateway, pretended: Pretended
) -> None:
    """The limit on those takes none of these away, and is not used up by them."""
    runs = training(tmp_path, pushgateway, series_limit=1)
    with runs.told(PYTHONPATH=pretended(""), CUDA_VISIBLE_DEVICES="0,1") as told:
        told("report_metric", "loss", 0.37)
        wait_for(
            lambda: read(runs.group(told.run)) >= named(*KINDS) - NOT_EVERYWHERE, what="readings"
        )
        group = runs.group(told.run)
    assert group.metric("loss") == 0.37
    assert group.value("reporter_dropped_total", reason="series_limit") == 0


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetMemoryInfo"])
def test_a_driver_that_hangs_delays_no_push(
    call: str, tmp_path: Path, pushgateway: Pushgateway, pretended: Pretended
) -> None:
    """Values and the other readings arrive, and leaving does not wait for it."""
    runs = training(tmp_path, pushgateway, exit_timeout=EXIT_TIMEOUT)
    with runs.told(PYTHONPATH=pretended(call), CUDA_VISIBLE_DEVICES="0") as told:
        told("report_metric", "loss", 0.37)
        others = named("reporter_process_", "reporter_host_") - NOT_EVERYWHERE
        wait_for(lambda: read(runs.group(told.run)) >= others, 30, "the other readings")
        assert not read(runs.group(told.run)) & named("reporter_gpu_")
        told("report_metric", "loss", 0.25)
        wait_for(lambda: runs.group(told.run).metric("loss") == 0.25, 30, "the newest value")
        assert told.leave() < EXIT_TIMEOUT  # which it is when something never comes
    assert runs.ended_group().metric("loss") == 0.25
