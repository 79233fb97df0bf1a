"""`python -m reporter_integrations.mirror` runs a program as Python itself does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reporter.names import State
from tests.runs import Training

pytestmark = pytest.mark.slow

_SHOWN = """
import json, os, sys
shown = [sys.argv[1:], os.path.basename(sys.argv[0]), __name__, os.path.basename(__file__),
         sys.modules["__main__"].__dict__ is globals(), [os.path.basename(p) for p in sys.path[:2]]]
"""
_PROGRAM = f"""{_SHOWN}
import multiprocessing, pickle
class Mine: pass
def double(x): return 2 * x
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        shown.append(pool.map(double, [3]))
    shown.append(type(pickle.loads(pickle.dumps(Mine()))) is Mine)
    print(json.dumps(shown))
    sys.exit(int(os.environ.get("CODE", 0)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "train.py").write_text(_PROGRAM, encoding="utf-8")
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__main__.py").write_text(
        f"{_SHOWN}\nprint(json.dumps(shown))", encoding="utf-8"
    )
    return tmp_path


def python(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def mirrored(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "reporter_integrations.mirror", *command, **environment)


def test_a_program_finds_what_it_finds_without_the_mirror(folder: Path) -> None:
    """Arguments, main module, import path, spawned children and pickles: a script or a module."""
    for command in (["scripts/train.py", "--epochs", "3"], ["-m", "training", "-m", "x"]):
        shown: list[Any] = []
        for done in (mirrored(folder, *command), python(folder, *command)):
            assert done.returncode == 0, done.stderr
            shown.append(json.loads(done.stdout))
        assert shown[0] == shown[1]
    assert not (folder / "reporter_runs").exists()  # nothing was logged, and so no run begun


@pytest.mark.parametrize(
    ("code", "state", "reason", "passed_on"),
    [
        ("3", State.FAILED, "exit_code", 3),
        ("'no data'", State.FAILED, "exit_code", 1),
        ("130", State.CANCELLED, "interrupt", 130),
        ("0", State.SUCCEEDED, "returned", 0),
        ("", State.SUCCEEDED, "returned", 0),
    ],
)
def test_a_run_ends_as_the_program_that_exits(
    folder: Path, code: str, state: State, reason: str, passed_on: int
) -> None:
    """The run that was made by itself sees the code of a `sys.exit`, script or module."""
    program = f"import sys, reporter\nreporter.report_metric('loss', 1)\nsys.exit({code})\n"
    (folder / "exits.py").write_text(program, encoding="utf-8")
    training = Training(folder)
    for k, command in enumerate((["exits.py"], ["-m", "exits"]), start=1):
        done = mirrored(folder, *command, **training.settings)
        assert done.returncode == passed_on
        assert ("no data" in done.stderr) == ("no data" in code)
        ends = [(each.state, each.reason) for each in training.records()]
        assert ends == [(state, reason)] * k


def test_its_end_is_the_programs(folder: Path) -> None:
    """Exit code, traceback and a file that is not there."""
    assert mirrored(folder, "scripts/train.py", CODE="3").returncode == 3
    (folder / "raises.py").write_text("def f():\n    raise KeyError(7)\nf()\n", encoding="utf-8")
    done = mirrored(folder, "raises.py")
    assert done.returncode == 1
    assert 'raises.py", line 2, in f' in done.stderr
    done = mirrored(folder, "absent.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't open file 'absent.py'" in done.stderr
    for wrong in ([], ["-x"], ["-m"]):
        done = mirrored(folder, *wrong)
        assert done.returncode == 1
        assert "usage: " in done.stderr
