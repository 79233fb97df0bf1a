"""What a soak found, as one JSON object; and what of it is a verdict."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import reporter
from tests.soak.soak import CHURNING, Soak
from tests.soak.watching import Trend

MEMORY_MAY_GROW = 4 << 20
# Descriptors of runs that are over go when Python collects its garbage.
COUNTS_MAY_GROW = 16
SHARED_MOST = 16 << 20  # all of the shared memory of a run, and what the interpreter has
PROBLEMS_TOLD = 20


def result_of(soak: Soak) -> dict[str, Any]:
    """Everything that was found."""
    tally, watcher, gateway = soak.verifier.tally, soak.watcher, soak.gateway
    verdicts = _verdicts(soak)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": all(each["passed"] for each in verdicts),
        "verdicts": verdicts,
        "minutes": {"asked": soak.seconds / 60, "took": _minutes(soak)},
        "machine": _machine(),
        "versions": _versions(soak),
        "processes": {"at once": CHURNING + 2, "lives": soak.lives, "seen": watcher.seen},
        "kills": {"trainers": soak.kills.total(), "by moment": dict(soak.kills)},
        "senders": {"killed": soak.sender_kills, "stopped": soak.sender_stops},
        "ends": dict(sorted(tally.ends.items())),
        "without a run": tally.without_a_run,
        "points": {
            "reported": tally.reported,
            "recorded": tally.recorded,
            "dropped": dict(tally.dropped),
        },
        "gateway": {
            "outages": dict(gateway.outages),
            "pushes by status": {str(k): n for k, n in sorted(gateway.pushes.items())},
            "runs also compared with what it showed": tally.checked_on_the_gateway,
            "runs delivered by reporter push": soak.delivered_later,
        },
        "memory MiB": _memory(soak),
        "largest sender MiB": round(watcher.largest_sender / (1 << 20), 1),
        "bytes searched for secrets": soak.canaries.searched,
        "passing files left by kills": soak.left_by_kills,
        "problems": (tally.problems + soak.canaries.found + soak.left_behind)[:PROBLEMS_TOLD],
    }


def _verdicts(soak: Soak) -> list[dict[str, Any]]:
    tally = soak.verifier.tally
    told = (
        ("kills", soak.kills.total() >= soak.wanted_kills,
         f"{soak.kills.total()} of {soak.wanted_kills}"),
        ("no last value lost", not tally.last_values_lost, f"{tally.last_values_lost} lost"),
        ("every end honest, recorded and on the gateway, every loss counted",
         not tally.problems, f"{len(tally.problems)} problems with {tally.ends.total()} ends"),
        ("no secret anywhere", not soak.canaries.found,
         f"{len(soak.canaries.found)} in {soak.canaries.searched} bytes"),
        ("a password in a URL is refused, and not shown", soak.url_refused, ""),
        ("no process and no file left", not soak.left_behind, f"{len(soak.left_behind)} left"),
        *_steadiness(soak),
    )  # fmt: skip
    return [{"name": name, "passed": passed, "found": found} for name, passed, found in told]


def _steadiness(soak: Soak) -> list[tuple[str, bool, str]]:
    found = []
    for name, samples in soak.watcher.samples.items():
        memory = Trend.of([sample.memory for sample in samples])
        descriptors = Trend.of([sample.descriptors for sample in samples])
        threads = Trend.of([sample.threads for sample in samples])
        zombies = Trend.of([sample.zombies for sample in samples])
        shared = max(sample.shared for sample in samples)
        steady = memory.growth <= MEMORY_MAY_GROW and shared <= SHARED_MOST
        counts = (descriptors, threads, zombies)
        steady = steady and all(each.growth <= COUNTS_MAY_GROW for each in counts)
        grown = f"{memory.growth / (1 << 20):+.2f} MiB"
        grown += f", {descriptors.growth:+.0f} descriptors, {threads.growth:+.0f} threads"
        found.append((f"steady: {name}", steady, grown))
    return found


def _memory(soak: Soak) -> dict[str, Any]:
    return {
        name: {
            "samples": len(samples),
            "own": Trend.of([sample.memory for sample in samples]).in_mib(),
            "shared": Trend.of([sample.shared for sample in samples]).in_mib(),
            "descriptors": Trend.of([sample.descriptors for sample in samples])._asdict(),
            "threads": Trend.of([sample.threads for sample in samples])._asdict(),
        }
        for name, samples in soak.watcher.samples.items()
    }


def _minutes(soak: Soak) -> float:
    return round((time.monotonic() - soak.began) / 60, 1)


def _machine() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


def _versions(soak: Soak) -> dict[str, str]:
    return {
        "run-reporter": reporter.__version__,
        "python": platform.python_version(),
        "prometheus_client": version("prometheus_client"),
        "pushgateway": soak.gateway_version,
    }
