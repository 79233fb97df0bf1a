"""What a run uses of its GPUs and machines, by rank."""

from __future__ import annotations

from typing import NamedTuple

from grafana.build import asked, looks
from grafana.build.panels import About, Panel, Query, bars, lines
from grafana.build.promql import RANKS, THIS, highest, series

_NO_GPU = "The run tells of no GPU: run-reporter[gpu] does"
_NO_MACHINE = "The run tells nothing of its machine"
_EACH_GPU, _GPU = "rank, gpu", "rank {{rank}}, GPU {{gpu}}"
_EACH_RANK, _RANK = "rank", "rank {{rank}}"
_NEARLY_FULL: looks.Steps = ((None, "green"), (0.9, "orange"), (0.97, "red"))


class Curve(NamedTuple):
    """One panel with a curve for each GPU or rank."""

    key: str
    title: str
    says: str
    unit: str
    family: str
    highest: float | None = None


_BUSY = Curve(
    "gpu",
    "GPUs busy",
    "The share of time that each GPU was busy.",
    "percentunit",
    "reporter_gpu_utilization_ratio",
    1,
)
_OF_GPUS = (
    Curve(
        "gpu memory used",
        "GPU memory in use",
        "Memory in use on each GPU, what other programs use of it included.",
        "bytes",
        "reporter_gpu_memory_used_bytes",
    ),
    Curve("power", "Power", "What each GPU draws.", "watt", "reporter_gpu_power_watts"),
    Curve(
        "temperature",
        "Temperature",
        "How hot each GPU is. Most become slower from about 85 °C on.",
        "celsius",
        "reporter_gpu_temperature_celsius",
    ),
)
_OF_PROCESSES = (
    Curve(
        "cores",
        "Cores in use",
        "Processor cores that the training process of each rank and its children use.",
        "suffix:cores",
        "reporter_process_cpu_ratio",
    ),
    Curve(
        "process memory",
        "Memory of the training",
        "Memory of the training process of each rank and of its children.",
        "bytes",
        "reporter_process_memory_bytes",
    ),
)
_HOST_CORES = Curve(
    "host cores",
    "Machine's cores",
    "The share of the cores of each rank's machine that anybody uses.",
    "percentunit",
    "reporter_host_cpu_ratio",
    1,
)
_SPREAD = About(
    "gpu spread",
    "Busiest less idlest GPU",
    "If it is large, work is spread unevenly over the GPUs.",
    "percentunit",
    6,
    8,
    _NO_GPU,
    lowest=0,
    highest=1,
)
_GPU_MEMORY = About(
    "gpu memory",
    "GPU memory, now",
    "How full the memory of each GPU is now. At 100 % the run fails.",
    "percentunit",
    6,
    8,
    "The run has no GPU now",
    lowest=0,
    highest=1,
)
_HOST_MEMORY = About(
    "host memory",
    "Machine's memory",
    "How full the memory of each rank's machine is, or its limit where that is tighter. At 100 %"
    " the system kills the run.",
    "percentunit",
    8,
    8,
    _NO_MACHINE,
    lowest=0,
    highest=1,
)
_NETWORK = About(
    "network",
    "Network",
    "What the machine of each rank receives and sends.",
    "Bps",
    8,
    8,
    _NO_MACHINE,
    lowest=0,
)
_DISKS = About(
    "disks",
    "Disks",
    "What the training process of each rank and its children read from disks and write to them.",
    "Bps",
    8,
    8,
    _NO_MACHINE,
    lowest=0,
)


def gpus() -> list[Panel]:
    memory = asked.memory_share(asked.GPU_MEMORY, THIS, RANKS, by=_EACH_GPU)
    busy = highest(_EACH_GPU, series(_BUSY.family, THIS))
    return [
        _of_gpus(_BUSY, 12),
        lines(_SPREAD, _going(f"max({busy}) - min({busy})", "difference")),
        bars(_GPU_MEMORY, _going(memory, _GPU), _NEARLY_FULL),
        *(_of_gpus(curve, 8) for curve in _OF_GPUS),
    ]


def machine() -> list[Panel]:
    full = asked.memory_share(asked.HOST_MEMORY, THIS, RANKS, by=_EACH_RANK)
    return [
        *(_of_ranks(curve) for curve in _OF_PROCESSES),
        lines(_HOST_MEMORY, _going(full, _RANK), steps=((None, "green"), (0.95, "red"))),
        _of_ranks(_HOST_CORES),
        lines(
            _NETWORK,
            _in_a_second("reporter_host_network_receive_bytes_total", "receives"),
            _in_a_second("reporter_host_network_transmit_bytes_total", "sends"),
        ),
        lines(
            _DISKS,
            _in_a_second("reporter_process_read_bytes_total", "reads"),
            _in_a_second("reporter_process_write_bytes_total", "writes"),
        ),
    ]


def _of_gpus(curve: Curve, width: int) -> Panel:
    told = highest(_EACH_GPU, series(curve.family, THIS, RANKS))
    return lines(_about(curve, width, _NO_GPU), _going(told, _GPU))


def _of_ranks(curve: Curve) -> Panel:
    told = highest(_EACH_RANK, series(curve.family, THIS, RANKS))
    return lines(_about(curve, 8, _NO_MACHINE), _going(told, _RANK))


def _about(curve: Curve, width: int, empty: str) -> About:
    key, title, says, unit, _family, most = curve
    return About(key, title, says, unit, width, 8, empty, None, 0, most)


def _in_a_second(name: str, does: str) -> Query:
    return _going(asked.rate(name, THIS, RANKS, by="rank", of="max"), f"{_RANK} {does}")


def _going(expression: str, legend: str) -> Query:
    return Query(asked.while_it_runs(expression, THIS), legend)
