"""No row of the fault matrix is silently absent, and no test claims a row that is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.matrix import Case, scan
from tests.faults.rows import SECTIONS, Section

ROWS = {"A1": "killed", "A2": "killed early", "B1": "sender killed"}
SCRATCH = '''
import asyncio


def test_a1_b1_values_survive() -> None:
    """Nothing is lost.

    How it is done.
    """


class TestIt:
    async def test_a2(self) -> None:
        """Nothing is lost,
        as early as it may be."""

    def test_z9_of_no_row(self) -> None:
        """It claims what is not there."""

    def test_b1_is_silent(self) -> None:
        pass

    def test_c_is_no_id_nor_is_b1_here(self) -> None:
        """No row."""


def helper_a1_is_no_test() -> None:
    """No row."""
'''


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder of tests that are read and never run."""
    folder = tmp_path / "tests" / "faults"
    folder.mkdir(parents=True)
    (folder / "test_scratch.py").write_text(SCRATCH, encoding="utf-8")
    (folder / "children.py").write_text(SCRATCH, encoding="utf-8")
    return tmp_path


def test_every_row_has_a_test_or_a_known_limit() -> None:
    """What may go wrong and is neither tested nor said to be a limit must not be promised."""
    assert matrix.absent(matrix.faults(), matrix.limits(), scan()) == []


def test_no_test_carries_an_unknown_id() -> None:
    """A misspelt id would leave its row without the test."""
    assert matrix.unknown(matrix.faults(), scan()) == []


def test_every_test_of_a_row_says_what_happens() -> None:
    """Its docstring's first paragraph is what the table shows."""
    assert matrix.silent(scan()) == []


def test_rows_are_numbered_within_their_section() -> None:
    """An id names its section, ids have no gaps, and a limit is of a row of its section."""
    for letter, section in SECTIONS.items():
        expected = [f"{letter}{n + 1}" for n in range(len(section.faults))]
        assert list(section.faults) == expected
        assert set(section.limits) <= set(expected)
        assert all(reason.strip() for reason in section.limits.values())


def test_a_scan_finds_tests_by_their_leading_ids(scratch: Path) -> None:
    """In functions and classes, asynchronous or not; ids further behind are words."""
    path = "tests/faults/test_scratch.py"
    assert scan(scratch) == [
        Case(path, "test_a1_b1_values_survive", ("A1", "B1"), "Nothing is lost."),
        Case(path, "test_a2", ("A2",), "Nothing is lost, as early as it may be."),
        Case(path, "test_z9_of_no_row", ("Z9",), "It claims what is not there."),
        Case(path, "test_b1_is_silent", ("B1",), ""),
    ]


def test_what_is_wrong_is_seen(scratch: Path) -> None:
    """Each of the checks above goes red on a scratch file that deserves it."""
    cases = scan(scratch)
    assert matrix.unknown(ROWS, cases) == ["tests/faults/test_scratch.py::test_z9_of_no_row"]
    assert matrix.silent(cases) == ["tests/faults/test_scratch.py::test_b1_is_silent"]
    assert matrix.absent(ROWS, {}, cases) == []
    assert matrix.absent({**ROWS, "B2": "stopped"}, {}, cases) == ["B2"]
    assert matrix.absent({**ROWS, "B2": "stopped"}, {"B2": "the system's"}, cases) == []
    assert matrix.absent(ROWS, {}, []) == list(ROWS)


def test_a_table_has_a_line_for_each_row(scratch: Path) -> None:
    """What happens is said once, however many tests say it; a limit is pointed to."""
    section = Section("x", {**ROWS, "B2": "a | b"}, {"B2": "the system's"})
    (scratch / "tests" / "test_again.py").write_text(SCRATCH, encoding="utf-8")
    lines = matrix.table(section, scan(scratch)).splitlines()
    assert [re.split(r" *\| *", line)[1] for line in lines[2:]] == ["A1", "A2", "B1", "B2"]
    both = "[test_scratch](../tests/faults/test_scratch.py), [test_again](../tests/test_again.py)"
    assert lines[2] == f"| A1 | killed | Nothing is lost. | {both} |"
    assert lines[5].endswith("| See [known limits](#known-limits). |  |")
