"""Reads which test covers which row of the fault matrix, and writes its tables.

Tests are read, not imported: a table costs no test's dependencies.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.faults.rows import SECTIONS, Section

ROOT = Path(__file__).resolve().parents[2]
_IDS = re.compile(r"test((?:_[a-z][0-9]+)+)(?:_|$)")


class Case(NamedTuple):
    """A test that covers rows of the matrix."""

    path: str  # below the folder that was scanned
    name: str
    ids: tuple[str, ...]
    says: str  # the first paragraph of its docstring


Cases = list[Case]


def scan(folder: Path = ROOT, below: str = "tests") -> Cases:
    """Every test whose name carries ids, in the order of files and lines."""
    paths = sorted((folder / below).rglob("test_*.py"))
    return [case for path in paths for case in _cases_in(path, str(path.relative_to(folder)))]


def faults() -> dict[str, str]:
    """Every row: its id and what goes wrong."""
    return {row: fault for part in SECTIONS.values() for row, fault in part.faults.items()}


def limits() -> dict[str, str]:
    """The rows where it is known to be less than good, and why."""
    return {row: reason for part in SECTIONS.values() for row, reason in part.limits.items()}


def absent(rows: Iterable[str], known_limits: Mapping[str, str], cases: Cases) -> list[str]:
    """The rows that have neither a test nor a limit."""
    covered = {row for case in cases for row in case.ids}
    return [row for row in rows if row not in covered and row not in known_limits]


def unknown(rows: Iterable[str], cases: Cases) -> list[str]:
    """The tests whose name has an id that is no row."""
    known = set(rows)
    return [f"{case.path}::{case.name}" for case in cases if not known.issuperset(case.ids)]


def silent(cases: Cases) -> list[str]:
    """The tests that do not say what happens."""
    return [f"{case.path}::{case.name}" for case in cases if not case.says]


def tables(cases: Cases) -> str:
    """All sections, as documents show them."""
    parts = [f"### {part.title}\n\n{table(part, cases)}" for part in SECTIONS.values()]
    return "\n".join(["", "\n\n".join(parts), ""])


def table(section: Section, cases: Cases) -> str:
    """The rows of a section, as documents show them."""
    lines = ["| id | fault | what happens | test |", "|---|---|---|---|"]
    for row, fault in section.faults.items():
        found = [case for case in cases if row in case.ids]
        said = " ".join(dict.fromkeys(case.says for case in found)).replace("|", "\\|")
        if row in section.limits:
            said = f"{said} See [known limits](#known-limits).".strip()
        tests = ", ".join(dict.fromkeys(_link(case.path) for case in found))
        lines.append(f"| {row} | {fault} | {said} | {tests} |")
    return "\n".join(lines)


def limits_list() -> str:
    """The known limits, as documents show them."""
    named = faults()
    found = [f"- **{row}, {named[row]}**: {reason}" for row, reason in limits().items()]
    return "\n".join(found or ["None."])


def _cases_in(path: Path, shown: str) -> Iterator[Case]:
    for node in _functions(ast.parse(path.read_text(encoding="utf-8")).body):
        match = _IDS.match(node.name)
        if match:
            ids = tuple(match[1].upper().strip("_").split("_"))
            yield Case(shown, node.name, ids, _first_paragraph(node))


def _functions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body)


def _first_paragraph(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def _link(path: str) -> str:
    return f"[{Path(path).stem}](../{path})"
