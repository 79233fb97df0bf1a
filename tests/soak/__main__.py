"""python -m tests.soak [--minutes 30] [--kills 1000] [--save]: see `make soak`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.soak.result import result_of
from tests.soak.soak import Soak

KILLS_A_MINUTE = 34
RESULT = Path(__file__).parent / "found.json"


def main() -> int:
    options = _options()
    kills = options.kills or round(options.minutes * KILLS_A_MINUTE)
    _say(f"{options.minutes:g} minutes, at least {kills} kills")
    soak, passed = Soak(options.minutes, kills, _say), False
    try:
        soak.run()
        result = result_of(soak)
        passed = result["passed"]
    finally:
        soak.close(keep=not passed)
    if options.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _tell(result, soak)
    return 0 if passed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs, kills and outages; then all is counted.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--kills", type=int, help="at least so many; else 34 a minute")
    parser.add_argument("--save", action="store_true", help="keep what was found, for the docs")
    return parser.parse_args()


def _tell(result: dict[str, object], soak: Soak) -> None:
    _say(soak.progress())
    for verdict in result["verdicts"]:  # type: ignore[attr-defined]
        _say(f"{'ok    ' if verdict['passed'] else 'FAILED'} {verdict['name']}: {verdict['found']}")
    for told in ("problems", "what befell lives with problems"):
        for line in result[told]:  # type: ignore[attr-defined]
            _say(f"  {line}")
    if result["passed"]:
        _say("The soak has passed.")
    else:
        _say(f"THE SOAK HAS FAILED. What it left is in {soak.folder}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
