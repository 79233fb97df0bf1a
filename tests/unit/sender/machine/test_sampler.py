"""Readings again and again, whatever becomes of one of their sources."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from reporter.names import FAMILIES
from reporter.sender.machine.sampler import Sampler
from tests.unit.sender.machine.drivers import Driver, Gpu
from tests.unit.sender.machine.subject import Subject
from tests.waiting import wait_for

pytestmark = pytest.mark.slow  # a first reading comes after a second
KINDS = ("process", "host", "gpu")


@pytest.fixture
def samplers(subject: Subject) -> Iterator[Any]:
    """Start one that reads a process of this test's own; it is stopped afterwards."""
    started: list[Sampler] = []

    def start(interval: float = 1.0, environment: Any = (), **more: Any) -> Sampler:
        started.append(Sampler(subject.pid, interval, dict(environment), **more))
        return started[-1]

    yield start
    for each in started:
        each.stop()
    wait_for(lambda: not threads() & {"machine", "gpus"}, what="the threads to end")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A machine with one GPU; what hangs in it is let go afterwards."""
    made = Driver(Gpu("GPU-aaaa"))
    monkeypatch.setitem(sys.modules, "pynvml", made)
    yield made
    made.released.set()


def kinds(sampler: Sampler) -> set[str]:
    """Which kinds of families there are readings of."""
    return {name.split("_")[1] for name, _ in sampler.newest()}


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_every_family_is_there_soon(samplers: Any, driver: Driver) -> None:
    """All that the contract has names for, but what a machine may not show, each once."""
    sampler = samplers()
    wait_for(lambda: kinds(sampler) == set(KINDS), what="all kinds of readings")
    found = [name for name, _ in sampler.newest()]
    named = {name for name in FAMILIES if name.split("_")[1] in KINDS}
    assert len(set(found)) == len(found)
    assert named - {n for n in named if "disk" in n} <= set(found) <= named


def test_readings_follow_one_another(samplers: Any, subject: Subject) -> None:
    """What has changed shows in a later one."""
    sampler = samplers()

    def seen() -> float:
        return dict(sampler.newest()).get("reporter_process_threads", [({}, 0.0)])[0][1]

    wait_for(lambda: seen() == 1, what="the first reading")
    subject.starts("pass")
    wait_for(lambda: seen() == 2, what="another reading")


@pytest.mark.parametrize(
    "call", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUUID"]
)
def test_a_driver_that_hangs_holds_up_nothing_else(
    call: str, samplers: Any, driver: Driver
) -> None:
    """Its families are absent; the others come as before."""
    driver.hanging = call
    sampler = samplers(clock=lambda: 0.0)  # on a busy machine, too, none grow old
    wait_for(lambda: kinds(sampler) == {"process", "host"}, what="the other readings")
    wait_for(lambda: call in driver.calls, what="the driver to hang")
    assert kinds(sampler) == {"process", "host"}


def test_readings_that_are_not_followed_disappear(samplers: Any, driver: Driver) -> None:
    """A driver that hangs after a while must not seem to be well for ever."""
    late = 0.0
    sampler = samplers(clock=lambda: late)
    wait_for(lambda: kinds(sampler) == set(KINDS), what="all kinds of readings")
    driver.hanging = "nvmlDeviceGetPowerUsage"
    driver.calls = []
    wait_for(lambda: driver.hanging in driver.calls, what="the driver to hang")
    late = 3.5
    wait_for(lambda: kinds(sampler) == {"process", "host"}, what="newer readings of the others")


def test_without_the_packages_there_are_no_readings(
    samplers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else happens: the threads end."""
    for module in ("process", "host"):
        monkeypatch.delitem(sys.modules, f"reporter.sender.machine.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    sampler = samplers()
    wait_for(lambda: not threads() & {"machine", "gpus"}, what="the threads to end")
    assert sampler.newest() == []


@pytest.mark.parametrize("asked_for", ["", "-1", "3"])
def test_who_sees_no_gpu_has_no_thread_for_them(
    asked_for: str, samplers: Any, driver: Driver
) -> None:
    """And where the variable says so, the driver is not even asked."""
    samplers(environment={"CUDA_VISIBLE_DEVICES": asked_for})
    wait_for(lambda: "gpus" not in threads(), what="the thread to end")
    assert bool(driver.calls) == (asked_for == "3")


def test_an_interval_of_0_starts_nothing(samplers: Any) -> None:
    """Not a thread, and no import."""
    sampler = samplers(0.0)
    assert not threads() & {"machine", "gpus"}
    assert sampler.newest() == []


def test_once_stopped_it_shows_nothing(samplers: Any) -> None:
    """A run that is over uses nothing of the machine any more."""
    sampler = samplers()
    wait_for(lambda: kinds(sampler), what="a reading")
    sampler.stop()
    assert sampler.newest() == []
    wait_for(lambda: not threads() & {"machine", "gpus"}, what="the threads to end")


def test_a_process_that_is_gone_costs_its_own_readings_alone(
    samplers: Any, subject: Subject
) -> None:
    """The machine is there still."""
    subject.end()
    assert not os.path.exists(f"/proc/{subject.pid}")
    sampler = samplers()
    wait_for(lambda: kinds(sampler) == {"host"}, what="readings of the machine")


def test_an_interval_of_ages_is_no_error(samplers: Any) -> None:
    """The first reading comes, and no other."""
    sampler = samplers(1e300)
    wait_for(lambda: kinds(sampler), what="the first reading")
    assert "machine" in threads()
