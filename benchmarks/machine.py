"""What was measured on: facts that explain a figure, and none that name the machine."""

from __future__ import annotations

import os
import platform
import sysconfig
from importlib import metadata

import gateways


def facts() -> dict[str, object]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "load_at_start": [round(each, 2) for each in os.getloadavg()],
        "optimized_python": "--enable-optimizations"
        in str(sysconfig.get_config_var("CONFIG_ARGS")),
    }


def versions() -> dict[str, str | None]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "run-reporter": _version("run-reporter"),
        "prometheus_client": _version("prometheus_client"),
        "pushgateway": gateways.version(),
        **{name: _version(name) for name in ("numpy", "torch", "keras", "lightning")},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file if line.startswith("model name")]
    except OSError:
        lines = []
    return lines[0].partition(":")[2].strip() if lines else platform.processor()
