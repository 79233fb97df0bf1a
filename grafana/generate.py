"""Writes what is made from `reporter.names`: dashboards for Grafana, rules for Prometheus.

python grafana/generate.py            # write what has changed
python grafana/generate.py --check    # say what is stale, exit code 1
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Each offers files(): what stands under grafana/, by its path there.
WRITERS = ("runs", "run", "compare", "alerts", "recording")


def made() -> dict[str, str]:
    """Every file's text, by its path under grafana/."""
    if str(HERE.parent) not in sys.path:
        sys.path.insert(0, str(HERE.parent))  # grafana/ is no installed package
    found: dict[str, str] = {}
    with warnings.catch_warnings():
        # It would have us write what file provisioning cannot read.
        warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
        for name in WRITERS:
            found |= importlib.import_module(f"grafana.build.{name}").files()
    return found


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    stale = {name: text for name, text in made().items() if _is_stale(HERE / name, text)}
    for name, text in stale.items():
        if not check:
            (HERE / name).parent.mkdir(parents=True, exist_ok=True)
            (HERE / name).write_text(text, encoding="utf-8")
        print(f"grafana/{name}: {'stale; run make fix' if check else 'written'}")
    return 1 if stale and check else 0


def _is_stale(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
