"""Checks the committed dashboards, and says what is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from grafana.lint.checking import excuses_in_vain, findings_of_all

DASHBOARDS = Path(__file__).resolve().parent.parent / "dashboards"


def main() -> int:
    dashboards = [json.loads(path.read_text("utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))]
    wrong = [f"{found.where}: {found.what} ({found.rule})" for found in findings_of_all(dashboards)]
    wrong += [f"{where}: excused in vain ({rule})" for rule, where in excuses_in_vain(dashboards)]
    for line in wrong:
        print(line)
    print(f"{len(dashboards)} dashboards, {len(wrong)} findings")
    return 1 if wrong or not dashboards else 0


if __name__ == "__main__":
    sys.exit(main())
