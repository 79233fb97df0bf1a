"""The table of integrations tells the truth: every one has its file, its extra and its test."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "integrations" / "README.md").read_text(encoding="utf-8")
_WITHOUT_FRAMEWORK = {"cli", "gpu"}
_WITHOUT_EXTRA = {"mirror"}  # it follows what is there


class Row(NamedTuple):
    framework: str
    imports: list[str]
    extra: str
    reported: str
    tested: list[tuple[str, str]]

    @property
    def name(self) -> str:
        """The module's, and so that of its test and its extra."""
        return self.imports[0]


def rows() -> list[Row]:
    lines = [
        line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| [")
    ]
    return [
        Row(
            framework,
            re.findall(r"`reporter_integrations\.(\w+)`", imports),
            extra.strip("`"),
            reported,
            re.findall(r"([\w-]+) (\d[\w.]*\w)", tested),
        )
        for framework, imports, extra, reported, tested in lines
    ]


ROWS = rows()
ROW = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def pinned() -> dict[str, set[str]]:
    """The versions that `make test` installs: several where they depend on the interpreter."""
    locked = (ROOT / "requirements" / "frameworks.txt").read_text(encoding="utf-8")
    torch = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([\w-]+)==([\w.]+)", locked, re.MULTILINE)
    found += re.findall(r"^TORCH \?= (torch)==([\w.]+)", torch, re.MULTILINE)
    versions: dict[str, set[str]] = {}
    for name, version in found:
        versions.setdefault(name, set()).add(version)
    return versions


def extras() -> set[str]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        found = tomllib.load(file)["project"]["optional-dependencies"]
    return set(found) - _WITHOUT_FRAMEWORK


def test_every_integration_has_one_row() -> None:
    """A file that does not begin with an underscore is an integration; a row is of such files."""
    files = (ROOT / "integrations" / "reporter_integrations").glob("[!_]*.py")
    assert sorted(name for row in ROWS for name in row.imports) == sorted(f.stem for f in files)


def test_every_extra_has_one_row() -> None:
    """What can be installed for a framework is in the table, and the other way round."""
    assert sorted(row.extra for row in ROWS if row.extra != "none") == sorted(extras())


@ROW
def test_a_row_names_an_extra_and_a_test(row: Row) -> None:
    """Both are called as the module is."""
    assert row.extra == ("none" if row.name in _WITHOUT_EXTRA else row.name)
    assert (ROOT / "tests" / "integrations" / f"test_{row.name}.py").exists()
    assert row.reported


@ROW
def test_a_row_names_the_versions_that_are_tested(row: Row) -> None:
    """They are those that the tests' requirements, or the Makefile for torch, pin."""
    versions = pinned()
    assert row.tested
    assert [each for each in row.tested if each[1] not in versions.get(each[0], ())] == []


@ROW
def test_a_row_leads_to_an_example(row: Row) -> None:
    """Its framework is a link to a section with code that imports the integration."""
    found = re.fullmatch(r"\[.*\]\(#([\w-]+)\)", row.framework)
    assert found is not None
    sections = re.split(r"^## ", README, flags=re.MULTILINE)[1:]
    titles = {text.splitlines()[0].lower().replace(" ", "-"): text for text in sections}
    assert f"from reporter_integrations.{row.name} import " in titles[found[1]]
