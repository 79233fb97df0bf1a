"""Documents tell the truth: their code runs, their links lead somewhere, their tables are fresh."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.frameworks import needs

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
_CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")

EXAMPLES = [
    pytest.param(code, id=f"{path.name}-{n}")
    for path in DOCUMENTS
    for n, code in enumerate(_CODE.findall(path.read_text(encoding="utf-8")))
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_run(code: str, tmp_path: Path) -> None:
    """Each block of Python runs in an empty folder; one with a test in it runs under pytest."""
    if "reporter_integrations" in code:
        needs(*_IMPORT.findall(code))
    script = tmp_path / "test_example.py"
    script.write_text(code, encoding="utf-8")
    pytest_is_meant = "def test_" in code
    runner = ["-m", "pytest", "-q"] if pytest_is_meant else []
    done = subprocess.run(
        [sys.executable, *runner, script.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,  # some frameworks take their time
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not pytest_is_meant or "passed" in done.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link names a file of the repository."""
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_generated_tables_are_fresh() -> None:
    """Settings, families and figures in documents are those of the code and the results."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_names_this_machine() -> None:
    """No file of the project names a package registry's host or a lock with addresses."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    registries = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org")
    for name in listed.stdout.splitlines():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        assert not [host for host in registries if host in text], name
