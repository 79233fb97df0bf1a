"""Measures what our callbacks take in real fits, each beside an empty callback in the same fit.

python benchmarks/frameworks.py [--quick] [--save]
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
import machine
import tables
from probing import HERE, Probes

_BATCHES, _BATCHES_QUICK = 3000, 300
_LIMIT_S = 240.0
_ROUNDS, _ROUNDS_QUICK = 3, 1
FITS: dict[str, tuple[str, dict[str, str]]] = {
    "keras tensorflow": ("fit_keras", {"backend": "tensorflow"}),
    "keras torch": ("fit_keras", {"backend": "torch"}),
    "keras jax": ("fit_keras", {"backend": "jax"}),
    "lightning": ("fit_lightning", {}),
}


def main() -> int:
    options, began = _options(), time.monotonic()
    fits = measure(options.quick)
    figures = figures_of(fits)
    missed = bars.missed(figures, bars.FRAMEWORK_BARS)
    facts = {"quick": options.quick, "machine": machine.facts(), "versions": machine.versions()}
    found = {**facts, "fits": fits, "figures": figures, "missed": missed}
    print("\n".join(tables.fits(found).text()))
    print("\n" + "\n".join(bars.table(figures, bars.FRAMEWORK_BARS)))
    print(f"\n{time.monotonic() - began:.0f} s")
    if options.save:
        with open(os.path.join(HERE, "results", "frameworks.json"), "w") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What our callbacks take in real fits.")
    parser.add_argument("--quick", action="store_true", help="few batches: does it all work?")
    parser.add_argument("--save", action="store_true", help="write results/frameworks.json")
    return parser.parse_args()


def measure(quick: bool) -> dict[str, Any]:
    """What each fit told; of several rounds the one with the median time in our hooks."""
    steps, rounds = (_BATCHES_QUICK, _ROUNDS_QUICK) if quick else (_BATCHES, _ROUNDS)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        probes = Probes(folder)
        for name, (probe, asked) in FITS.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            told = [probes.run(probe, _LIMIT_S, steps=steps, **asked) for _ in range(rounds)]
            found[name] = _middle(told)
            if "ours" not in found[name]:
                print(f"{name}: {found[name]}", file=sys.stderr)
    return found


def _middle(told: list[dict[str, Any]]) -> dict[str, Any]:
    whole = sorted((each for each in told if "ours" in each), key=lambda each: each["ours"]["us"])
    return whole[len(whole) // 2] if whole else told[0]


def figures_of(fits: dict[str, Any]) -> dict[str, float]:
    """What the bars are held against."""
    found = {}
    for name, told in fits.items():
        if "ours" in told:
            found[f"{name} us"] = told["ours"]["us"]
            beyond = told["ours"]["p99_us"] - 3 * told["empty"]["p99_us"]
            found[f"{name} {bars.P99_BEYOND}"] = beyond
    return found


if __name__ == "__main__":
    sys.exit(main())
