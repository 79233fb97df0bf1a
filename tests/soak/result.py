"""What a soak found, as one JSON object; and what of it is a verdict."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import reporter
from tests.soak.soak import CHURNING, LASTING, Soak
from tests.soak.watching import SAMPLES_EVERY_S, Sample, Trend

Verdict = tuple[str, bool, str]  # its name, whether it is met, and what was found

MEMORY_MAY_GROW = 4 << 20
# Descriptors of runs that are over go when Python collects its garbage.
COUNTS_MAY_GROW = 16
SHARED_MOST = 16 << 20  # all of the shared memory of a run, and what the interpreter has
SAMPLED_OF_THE_TIME = 0.8
PROBLEMS_TOLD = 20


def result_of(soak: Soak) -> dict[str, Any]:
    """Everything that was found."""
    tally = soak.verifier.tally
    verdicts = _verdicts(soak)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "passed": all(each["passed"] for each in verdicts),
        "verdicts": verdicts,
        "machine": _machine(),
        "versions": _versions(soak),
        **_what_was_done(soak),
        **_what_came_of_it(soak),
        "problems": (tally.problems + soak.canaries.found + soak.left_behind)[:PROBLEMS_TOLD],
        "what befell lives with problems": tally.befallen[:PROBLEMS_TOLD],
    }


def _what_was_done(soak: Soak) -> dict[str, Any]:
    return {
        "minutes": {"asked": soak.seconds / 60, "took": _minutes(soak)},
        "processes": {
            "at once": CHURNING + 2,
            "lives": soak.lives,
            "seen": soak.watcher.seen,
        },
        "kills": {"trainers": soak.kills.total(), "by moment": dict(soak.kills)},
        "senders": {"killed": soak.sender_kills, "stopped": soak.sender_stops},
    }


def _what_came_of_it(soak: Soak) -> dict[str, Any]:
    tally, gateway = soak.verifier.tally, soak.gateway
    return {
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
        "largest sender MiB": round(soak.watcher.largest_sender / (1 << 20), 1),
        "bytes searched for secrets": soak.canaries.searched,
        "passing files left by kills": soak.left_by_kills,
    }


def _verdicts(soak: Soak) -> list[dict[str, Any]]:
    told = (*_harm(soak), *_findings(soak), *_steadiness(soak))
    return [{"name": name, "passed": passed, "found": found} for name, passed, found in told]


def _harm(soak: Soak) -> Iterator[Verdict]:
    """A soak that harmed nothing has shown nothing."""
    kills, outages = soak.kills.total(), soak.gateway.outages
    yield "kills", kills >= soak.wanted_kills, f"{kills} of {soak.wanted_kills}"
    yield (
        "senders were killed and stopped",
        soak.sender_kills > 0 and soak.sender_stops > 0,
        f"{soak.sender_kills} killed, {soak.sender_stops} stopped",
    )
    told = ", ".join(f"{name} {count}" for name, count in sorted(outages.items()))
    yield "the gateway failed", outages.total() > 0, told or "never"


def _findings(soak: Soak) -> Iterator[Verdict]:
    tally, secrets, left = soak.verifier.tally, soak.canaries.found, soak.left_behind
    lost, problems = tally.last_values_lost, tally.problems
    yield "no last value lost", not lost, f"{lost} lost"
    yield (
        "every end honest, recorded and on the gateway, every loss counted",
        not problems and tally.ends.total() > 0,
        f"{len(problems)} problems with {tally.ends.total()} ends",
    )
    searched = soak.canaries.searched
    yield "no secret anywhere", not secrets, f"{len(secrets)} in {searched} bytes"
    yield "a password in a URL is refused, and not shown", soak.url_refused, ""
    yield "no process and no file left", not left, f"{len(left)} left"


def _steadiness(soak: Soak) -> Iterator[Verdict]:
    wanted = SAMPLED_OF_THE_TIME * soak.seconds / SAMPLES_EVERY_S
    for name in LASTING:
        samples = soak.watcher.samples.get(name, [])
        if len(samples) < max(1, wanted):
            steady, grown = False, f"only {len(samples)} samples in {soak.seconds:.0f} s"
        else:
            steady, grown = _growth(samples)
        yield f"steady: {name}", steady, grown


def _growth(samples: list[Sample]) -> tuple[bool, str]:
    """Whether a process did not grow, and by how much it did."""
    memory = Trend.of([sample.memory for sample in samples])
    descriptors = Trend.of([sample.descriptors for sample in samples])
    threads = Trend.of([sample.threads for sample in samples])
    zombies = Trend.of([sample.zombies for sample in samples])
    shared = max(sample.shared for sample in samples)
    counts = (descriptors, threads, zombies)
    steady = memory.growth <= MEMORY_MAY_GROW and shared <= SHARED_MOST
    steady = steady and all(each.growth <= COUNTS_MAY_GROW for each in counts)
    grown = f"{memory.growth / (1 << 20):+.2f} MiB"
    grown += f", {descriptors.growth:+.0f} descriptors, {threads.growth:+.0f} threads"
    return steady, grown


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
