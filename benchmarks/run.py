"""Measures what reporting costs, ours and its neighbours' or all peers', and holds it to the bars.

python benchmarks/run.py [--peers] [--quick] [--save] [--only NAME,…]
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
import effort
import machine
import ours
import peers
import tables
from measures import Bench
from probing import HERE, Probes


def main() -> int:
    options, began = _options(), time.monotonic()
    chosen = {
        (False, False): effort.OURS,
        (False, True): effort.OURS_QUICK,
        (True, False): effort.PEERS,
        (True, True): effort.PEERS_QUICK,
    }[options.peers, options.quick]
    facts = {"quick": options.quick, "machine": machine.facts()}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bench = Bench(Probes(folder), chosen)
        told = peers.measure(bench, options.only) if options.peers else ours.measure(bench)
    found = {**facts, **told, "took_s": round(time.monotonic() - began)}
    held = bars.PEER_BARS if options.peers else bars.BARS
    found["missed"] = bars.missed(found["figures"], held)
    print("\n".join(tables.printed(found)))
    print("\n" + "\n".join(bars.table(found["figures"], held)))
    print(f"\n{found['took_s']} s")
    if options.save:
        _save(found, "peers" if options.peers else "ours")
    return 1 if found["missed"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What reporting costs.")
    parser.add_argument("--peers", action="store_true", help="every peer that is installed, too")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it all work?")
    parser.add_argument("--save", action="store_true", help="write results/ours.json or peers.json")
    parser.add_argument("--only", default="", help="of the peers these, by their files' names")
    return parser.parse_args()


def _save(found: dict[str, Any], name: str) -> None:
    with open(os.path.join(HERE, "results", f"{name}.json"), "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
