"""Writes what documents say twice: tables of settings and families, and README's figures.

python docs/generate.py            # rewrite what stands between the marks
python docs/generate.py --check    # say what is stale, exit code 1
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from reporter.names import COMING, DROP_REASONS, FAMILIES, GROUP_LABELS, State
from reporter.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "ours.json"


def settings_table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        also = f" (also `{setting.also}`)" if setting.also else ""
        default = "" if setting.default is None else f"`{setting.default}`"
        rows.append(f"| `{setting.variable}`{also} | {default} | {setting.meaning} |")
    return "\n".join(rows)


def families_table(coming: bool = False) -> str:
    rows = ["| family | labels beside the group's | meaning |", "|---|---|---|"]
    for name, (labels, meaning) in FAMILIES.items():
        if (name in COMING) is not coming:
            continue
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(rows)


def states_table() -> str:
    rows = ["| code | state |", "|---|---|"]
    return "\n".join(rows + [f"| {int(state)} | {state.word} |" for state in State])


def group_labels() -> str:
    return "Group: " + ", ".join(f"`{label}`" for label in GROUP_LABELS) + "."


def reasons() -> str:
    return "Reasons: " + ", ".join(f"`{reason}`" for reason in DROP_REASONS) + "."


def figures() -> str:
    sys.path.insert(0, str(RESULTS.parent.parent))
    import bars  # noqa: PLC0415 - a script's neighbour, not a package

    if not RESULTS.exists():
        return "Not measured yet."
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["figures"]
    rows = ["| | measured | at most |", "|---|---|---|"]
    rows += [
        f"| {bar.says} | {found[bar.figure]:.3g} {bar.unit} | {bar.most:g} |"
        for bar in bars.BARS
        if bar.figure in found
    ]
    return "\n".join(rows)


MARKS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/settings.md": {"settings": settings_table},
    "docs/metrics.md": {
        "families": families_table,
        "coming": lambda: families_table(coming=True),
        "states": states_table,
        "group": group_labels,
        "reasons": reasons,
    },
    "README.md": {"figures": figures},
}


def rewritten(text: str, mark: str, content: str) -> str:
    before, start, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    if not start or not end:
        raise SystemExit(f"the marks of {mark!r} are missing")
    return f"{before}{start}{content}\n{end}{after}"


def main(arguments: list[str]) -> int:
    stale = []
    for name, marks in MARKS.items():
        path = ROOT / name
        old = new = path.read_text(encoding="utf-8")
        for mark, content in marks.items():
            new = rewritten(new, mark, content())
        if new != old:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'stale; run make fix' if '--check' in arguments else 'rewritten'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
