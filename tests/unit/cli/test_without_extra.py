"""The command where the extra is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from reporter.run import __version__

ROOT = Path(__file__).resolve().parents[3]
# Isolated and without site-packages: the standard library and this project are all there is.
BARE = [sys.executable, "-I", "-S", "-c"]
CODE = (
    f"import sys; sys.path.append({str(ROOT)!r}); from reporter.cli import main; sys.exit(main())"
)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BARE, CODE, *arguments], capture_output=True, text=True, check=False)


def test_it_says_exactly_what_to_install() -> None:
    """One line on stderr and exit code 2, whatever the command."""
    for arguments in ([], ["config"], ["--help"]):
        ran = _run(*arguments)
        assert ran.returncode == 2
        assert ran.stdout == ""
        assert ran.stderr == (
            "The reporter command needs the extra: pip install 'run-reporter[cli]'\n"
        )


def test_the_version_needs_no_extra() -> None:
    """It is what one is asked for first."""
    ran = _run("--version")
    assert (ran.returncode, ran.stdout) == (0, f"run-reporter {__version__}\n")
