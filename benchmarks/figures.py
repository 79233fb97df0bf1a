"""The figures that bars are held to, out of everything that was found."""

from __future__ import annotations

import statistics
from typing import Any

from measures import against

NEWEST, POINTS = "reporter_newest", "reporter_points"
_LABELS = {
    "report_metric": "report_metric",
    "report_metric step=": "report_metric step=",
    "points=False": "report_metric, points=False",
}
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
    figures["p99.9 us"] = found["subjects"][POINTS]["row"]["p99.9"]
    return {**figures, **_common(found), **_alone(found), "dropped": _dropped(found)}


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
            ratio = subjects[name].get(measure, {}).get("ratio")
            if ratio:
                figures[f"{measure} {short}"] = ratio["median"]
    us = subjects[POINTS].get("paced", {}).get("us")
    if us:
        figures["paced share %"] = round(us["median"] / 10, 3)
    bursts = [each for name in (NEWEST, POINTS) for each in _bursts(subjects[name])]
    if bursts:
        figures["p99.9 worst ms"] = max(each["p99.9"] for each in bursts) / 1000
        figures["longest ms"] = max(each["max"] for each in bursts) / 1000
    return {**figures, **_leaving(subjects[POINTS])}


def _bursts(subject: dict[str, Any]) -> list[dict[str, float]]:
    found = [subject.get("row", {}), *subject.get("bursts", {}).values()]
    return [each for each in found if "p99.9" in each]


def _leaving(subject: dict[str, Any]) -> dict[str, float]:
    runs = {"healthy": subject.get("leaving"), **subject.get("leaving the dead", {})}
    figures = {}
    for state, told in runs.items():
        times = [
            each["s"] for each in (told if isinstance(told, list) else [told or {}]) if "s" in each
        ]
        if times:
            figures[f"leave {state} s"] = max(times)
    return figures


def _alone(found: dict[str, Any]) -> dict[str, float]:
    """What is asked of ours only."""
    start, upkeep, delivery = found["start"], found.get("upkeep"), found.get("delivery")
    figures = {
        "first entry ms": start["extra ms"],
        "foreign modules": len(start["foreign"]),
        "later entry ms": found["later entries"]["median"],
    }
    if upkeep and delivery:
        figures["sender MB"] = upkeep["private_mb"] - upkeep["ring_mb"]
        figures["sender CPU %"] = upkeep["cpu_percent"]
        figures["first value s"] = delivery["first_max_s"]
        figures["late s"] = max(delivery["later_s"]) - delivery["interval_s"]
    return figures


def _dropped(found: dict[str, Any]) -> float:
    """Of every Reporter that was measured: a dropped report would be a cheap one."""
    told: list[dict[str, Any]] = [found.get("upkeep") or {}, {"dropped": found["calls dropped"]}]
    for subject in found["subjects"].values():
        leaves = subject.get("leaving") or []
        bursts = {k: v for k, v in subject.get("bursts", {}).items() if k != "stopped"}
        told += [subject.get("row", {}), *bursts.values(), *leaves]
        told += subject.get("leaving the dead", {}).values()
    return sum(each.get("dropped") or 0 for each in told)
