"""Measures what a report costs, ours and its neighbours', and holds the figures to the bars.

python benchmarks/run.py [--quick] [--save]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from typing import Any

import bars
import gateways
import hot
import machine
import probing

RESULTS = os.path.join(probing.HERE, "results", "ours.json")


def main() -> int:
    options, began = _options(), time.monotonic()
    effort = probing.QUICK if options.quick else probing.Effort()
    for name in [each for each in os.environ if each.upper().startswith("REPORTER")]:
        del os.environ[name]
    found: dict[str, Any] = {"machine": machine.facts(), "versions": machine.versions()}
    rounds, notes = hot.measure(effort.rounds, effort.share)
    found["hot"], found["notes"] = rounds.summary(), notes
    _print_hot(found["hot"], effort)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found |= _probed(probing.Probes(folder), effort)
    figures = {**_hot_figures(rounds), **_probed_figures(found), "dropped": _dropped(found)}
    found["took_s"] = round(time.monotonic() - began)
    _print_probed(found)
    print("\n" + "\n".join(bars.table(figures)))
    if options.save:
        found |= {"quick": options.quick, "figures": figures, "missed": _names_missed(figures)}
        with open(RESULTS, "w") as file:
            json.dump(found, file, indent=2)
            file.write("\n")
    return 1 if bars.missed(figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a report costs.")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it all work?")
    parser.add_argument("--save", action="store_true", help="write results/ours.json")
    return parser.parse_args()


def _probed(probes: probing.Probes, effort: probing.Effort) -> dict[str, Any]:
    found: dict[str, Any] = {
        "single calls us": probing.single_calls(probes, effort),
        "start": probing.starts(probes, effort),
        "later entries": probing.entries(probes, effort),
    }
    with gateways.healthy() as gateway:
        url, found["gateway"] = gateway or (None, None)
        if url is None:
            print("no gateway could be started: what needs a healthy one is not measured")
        else:
            found["upkeep"] = probing.upkeep(probes, effort, url)
            found["delivery"] = probing.delivery(probes, effort, url)
        found["leaving"] = probing.leaving(probes, effort, url)
    return found


def _hot_figures(rounds: hot.Rounds) -> dict[str, float]:
    summary = rounds.summary()
    kept = ("report_metric", "report_metric step=", "points=False")
    figures = {label: summary[label]["ratio"] for label in kept}
    figures["handle to report_metric"] = rounds.against("handle", "report_metric")
    for other in ("Gauge.set", "Queue.put"):
        if other in summary:
            figures[f"report_metric to {other}"] = rounds.against("report_metric", other)
    return figures


def _probed_figures(found: dict[str, Any]) -> dict[str, float]:
    figures = {
        "p99.9 us": found["single calls us"]["report_metric"]["p99.9"],
        "first entry ms": found["start"]["extra ms"],
        "foreign modules": len(found["start"]["foreign"]),
        "later entry ms": found["later entries"]["ms"],
    }
    for kind, runs in found["leaving"].items():
        if isinstance(runs, list):
            figures[f"leave {kind} s"] = max(each["s"] for each in runs)
    if found["gateway"]:
        upkeep, delivery = found["upkeep"], found["delivery"]
        figures["sender MB"] = upkeep["private_mb"] - upkeep["ring_mb"]
        figures["sender CPU %"] = upkeep["cpu_percent"]
        figures["first value s"] = delivery["first_max_s"]
        figures["late s"] = max(delivery["later_s"]) - 1.0  # their interval is a second
    return figures


def _dropped(found: dict[str, Any]) -> float:
    """Of every Reporter that was measured: a dropped report would be a cheap one."""
    leaves = [run for runs in found["leaving"].values() if isinstance(runs, list) for run in runs]
    probed = [*found["single calls us"].values(), found.get("upkeep", {}), *leaves]
    hot_drops = sum((found["notes"].get("dropped") or {}).values())
    return hot_drops + sum(each.get("dropped", 0) for each in probed)


def _names_missed(figures: dict[str, float]) -> list[str]:
    return [bar.figure for bar in bars.missed(figures)]


def _print_hot(hot_table: dict[str, dict[str, float]], effort: probing.Effort) -> None:
    print(f"{'one call':<22}{'x dict store':>13}{'q1':>8}{'q3':>8}{'ns':>9}   CPU time, medians of"
          f" {effort.rounds} rounds")  # fmt: skip
    for label, row in hot_table.items():
        print(
            f"{label:<22}{row['ratio']:>13.2f}{row['q1']:>8.2f}{row['q3']:>8.2f}{row['ns']:>9.0f}"
        )


def _print_probed(found: dict[str, Any]) -> None:
    print(f"\n{'single call, us':<22}{'p50':>13}{'p99.9':>8}{'max':>8}")
    for label, row in found["single calls us"].items():
        print(f"{label:<22}{row['p50']:>13.2f}{row['p99.9']:>8.1f}{row['max']:>8.0f}")
    print(f"\ngateway: {found['gateway'] or 'none'}")
    for part in ("start", "later entries", "upkeep", "delivery", "leaving", "notes", "took_s"):
        print(f"{part}: {json.dumps(found.get(part))}")


if __name__ == "__main__":
    sys.exit(main())
