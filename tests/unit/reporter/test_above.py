"""A copy of a script finds the run that the process which started it has open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import reporter
from reporter.reporter.above import run_above

_ASK = (
    "import sys; from reporter.reporter.above import run_above; print(run_above(int(sys.argv[1])))"
)

pytestmark = pytest.mark.slow


def _asked(nth: int) -> str:
    command = [sys.executable, "-c", _ASK, str(nth)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_run_of_the_same_count_is_found_while_it_is_open(tmp_path: Path) -> None:
    """Runs are counted in each process: the copy's second one is the second one above."""
    with reporter.Reporter(mode="offline", dir=str(tmp_path)) as outer:
        first = _nth(outer)
        with reporter.Reporter(mode="offline", dir=str(tmp_path)) as inner:
            assert (_asked(first), _asked(first + 1)) == (outer.run_id, inner.run_id)
        assert (_asked(first), _asked(first + 1)) == (outer.run_id, "None")
    assert _asked(first) == "None"


def test_above_whom_nobody_reports_there_is_none() -> None:
    """pytest's own parent has no Reporter."""
    assert run_above(1) is None


def test_what_it_holds_is_not_believed_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that makes no sense, or is of another version, is passed over."""
    with reporter.Reporter(mode="offline", dir=str(tmp_path)) as r:
        nth = _nth(r)
        monkeypatch.setattr("os.getppid", _own_pid)
        assert run_above(nth) == r.run_id
        monkeypatch.setattr("reporter.reporter.above.LAYOUT", 0)
        assert run_above(nth) is None
        monkeypatch.setattr("os.listdir", _refuse)
        assert run_above(nth) is None


def _own_pid() -> int:
    import os  # noqa: PLC0415

    return os.getpid()


def _refuse(_folder: str) -> list[str]:
    raise PermissionError


def _nth(r: reporter.Reporter) -> int:
    """How many runs this process had opened, with this one."""
    from reporter.reporter import opening  # noqa: PLC0415

    return int(opening._opened)
