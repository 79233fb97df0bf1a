"""The figures that bars are held to, out of everything that was found."""

from __future__ import annotations

import math
import statistics
from typing import Any

from measures import against

NEWEST, POINTS = "reporter_newest", "reporter_points"
_LABELS = {
    "report_metric": "report_metric",
    "report_metric step=": "report_metric step=",
    "points=False": "report_metric, points=False",
}
_NEVER = math.inf  # of what did not come to its end: it misses every bar
_OF_PEERS = {
    "queue_and_push": "report_metric, points=False",
    "opentelemetry_otlp": "report_metric, points=False",
    "tensorboardx": "report_metric, points=False",
    "wandb_offline": "report_metric, points=False",
    "prometheus_gauge": "report_metric",
}


def of_ours(found: dict[str, Any], raw: dict[str, Any]) -> dict[str, float]:
    """By CPU time of the calling thread where it is about calls."""
    figures = {name: found["calls"][label]["cpu"]["median"] for name, label in _LABELS.items()}
    for label, other in (
        ("handle", "report_metric"),
        ("report_metric", "Gauge.set"),
        ("report_metric", "Queue.put"),
    ):
        if label in raw and other in raw:
            ratio = statistics.median(against(raw, label, other, "cpu"))
            figures[f"{label} to {other}"] = round(ratio, 3)
    figures["p99.9 us"] = found["subjects"][POINTS]["row"].get("p99.9", _NEVER)
    return {**figures, **_common(found), **_alone(found)}


def of_peers(found: dict[str, Any]) -> dict[str, float]:
    """By the time that passed: what a peer does in its threads holds up the caller too."""
    subjects, figures = found["subjects"], dict[str, float]()
    for name, other in _OF_PEERS.items():
        ratio = subjects.get(name, {}).get("beside", {}).get(f"to {other}")
        if ratio:
            figures[subjects[name]["label"]] = ratio["median"]
    queue = subjects.get("queue_and_push", {}).get("product", {}).get("ratio")
    if queue:
        figures["product queue"] = queue["median"]
    return {**figures, **_common(found)}


def _common(found: dict[str, Any]) -> dict[str, float]:
    """What both runs measure of ours."""
    subjects, figures = found["subjects"], dict[str, float]()
    for short, name in (("newest", NEWEST), ("points", POINTS)):
        for measure in ("paced", "product"):
            told = subjects[name].get(measure)
            if told:
                figures[f"{measure} {short}"] = (
                    told["ratio"]["median"] if "ratio" in told else _NEVER
                )
    us = subjects[POINTS].get("paced", {}).get("us")
    if us:
        figures["paced share %"] = round(us["median"] / 10, 3)
    calls = [each for name in (NEWEST, POINTS) for each in _single_calls(subjects[name])]
    if calls:
        # So few that there is no such percentile: each of them took long.
        figures["p99.9 worst ms"] = max(each.get("p99.9", _NEVER) for each in calls) / 1000
        figures["longest ms"] = max(each.get("max", _NEVER) for each in calls) / 1000
    return {**figures, **_leaving(subjects[POINTS]), "dropped": _dropped(found)}


def _single_calls(subject: dict[str, Any]) -> list[dict[str, float]]:
    found = [subject.get("row", {}), *subject.get("bursts", {}).values()]
    return [each for each in found if each]


def _leaving(subject: dict[str, Any]) -> dict[str, float]:
    runs = {"healthy": subject.get("leaving"), **subject.get("leaving the dead", {})}
    return {
        f"leave {state} s": max(each.get("s", _NEVER) for each in _listed(told))
        for state, told in runs.items()
        if told
    }


def _listed(told: Any) -> list[dict[str, Any]]:
    return told if isinstance(told, list) else [told]


def _alone(found: dict[str, Any]) -> dict[str, float]:
    """What is asked of ours only."""
    start, upkeep, delivery = found["start"], found["upkeep"] or {}, found["delivery"] or {}
    return {
        "first entry ms": start["extra ms"],
        "foreign modules": len(start["foreign"]),
        "later entry ms": found["later entries"]["median"],
        "sender MB": upkeep.get("private_mb", _NEVER) - upkeep.get("ring_mb", 0),
        "sender CPU %": upkeep.get("cpu_percent", _NEVER),
        "first value s": delivery.get("first_max_s", _NEVER),
        "late s": max(delivery.get("later_s", [_NEVER])) - delivery.get("interval_s", 0),
    }


def _dropped(found: dict[str, Any]) -> float:
    """Of every Reporter that was measured: a dropped report would be a cheap one."""
    told: list[dict[str, Any]] = [found.get("upkeep") or {}]
    told.append({"dropped": found.get("calls dropped")})
    for name in (NEWEST, POINTS):
        subject = found["subjects"][name]
        bursts = {k: v for k, v in subject.get("bursts", {}).items() if k != "stopped"}
        told += [subject.get("row", {}), *bursts.values(), *_listed(subject.get("leaving", []))]
        told += subject.get("leaving the dead", {}).values()
    told += [each.get("beside", {}) for each in found["subjects"].values()]
    return sum(each.get("dropped") or 0 for each in told)
