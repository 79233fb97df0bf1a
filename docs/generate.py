"""Writes what documents say twice: settings, families, the faults, the soak, README's figures.

python docs/generate.py            # rewrite what stands between the marks
python docs/generate.py --check    # say what is stale, exit code 1
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from reporter.names import DROP_REASONS, FAMILIES, GROUP_LABELS, State
from reporter.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SOAK = ROOT / "tests" / "soak" / "found.json"
_UNMEASURED = "Not measured yet."


def settings_table() -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        also = f" (also `{setting.also}`)" if setting.also else ""
        default = "" if setting.default is None else f"`{setting.default}`"
        rows.append(f"| `{setting.variable}`{also} | {default} | {setting.meaning} |")
    return "\n".join(rows)


def families_table() -> str:
    rows = ["| family | labels beside the group's | meaning |", "|---|---|---|"]
    for name, (labels, meaning) in FAMILIES.items():
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
    """README's: every bar and what was measured, ours and then against the peers."""
    tables, bars = _benchmarks("tables"), _benchmarks("bars")
    ours, peers = _results("ours"), _results("peers")
    if ours is None:
        return _UNMEASURED
    shown = tables.bars(ours["figures"], bars.BARS)
    if peers is not None:
        shown += ["", "Against what people use otherwise, in one run (`make bench-peers`):", ""]
        shown += tables.bars(peers["figures"], bars.PEER_BARS, ours["figures"])
    return "\n".join(shown)


def measured(name: str) -> str:
    """Every table of a result file, and what it was measured on."""
    found = _results(name)
    if found is None or not found.keys() & {"subjects", "fits"}:
        return _UNMEASURED
    return "\n".join(_benchmarks("tables").document(found))


def ceiling(part: str) -> str:
    """A part of what benchmarks/ceiling.py found."""
    found = _results("ceiling")
    if found is None:
        return _UNMEASURED
    return str(_benchmarks("ceiling_tables").document(part, found))


def _results(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _benchmarks(module: str) -> ModuleType:
    """A module of the benchmarks, which are no package."""
    folder = str(RESULTS.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(module)


def fault_tables() -> str:
    matrix = _fault_matrix()
    return str(matrix.tables(matrix.scan()))


def known_limits() -> str:
    return str(_fault_matrix().limits_list())


def _fault_matrix() -> ModuleType:
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # the tests are no installed package
    from tests.faults import matrix  # noqa: PLC0415 - only now can it be found

    return matrix


def soak() -> str:
    """What the last kept soak did, and each of its verdicts."""
    if not SOAK.exists():
        return _UNMEASURED
    found = json.loads(SOAK.read_text(encoding="utf-8"))
    rows = [_soak_in_words(found), "", "| what is asked | met | found |", "|---|---|---|"]
    for verdict in found["verdicts"]:
        passed = "yes" if verdict["passed"] else "**no**"
        rows.append(f"| {verdict['name']} | {passed} | {verdict['found']} |")
    return "\n".join(rows)


def _soak_in_words(found: dict[str, Any]) -> str:
    senders, machine, processes = found["senders"], found["machine"], found["processes"]
    return (
        f"{found['minutes']['took']:.0f} minutes on {machine['cores']} cores, {found['date'][:10]}:"
        f" {processes['lives']:,} training processes, {processes['at once']} at a time."
        f" {found['kills']['trainers']:,} of them were killed at a random moment,"
        f" {senders['killed']} senders killed and {senders['stopped']} stopped; the gateway failed"
        f" {sum(found['gateway']['outages'].values())} times;"
        f" {found['points']['reported']:,} reports were made."
    )


MARKS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/settings.md": {"settings": settings_table},
    "docs/metrics.md": {
        "families": families_table,
        "states": states_table,
        "group": group_labels,
        "reasons": reasons,
    },
    "docs/reliability.md": {"limits": known_limits, "faults": fault_tables, "soak": soak},
    "docs/scaling.md": {
        part: partial(ceiling, part) for part in ("reckoned", "ceiling", "load", "collapse")
    },
    "docs/benchmarks.md": {
        "ours": lambda: measured("ours"),
        "peers": lambda: measured("peers"),
        "frameworks": lambda: measured("frameworks"),
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
