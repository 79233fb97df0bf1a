"""The layers hold, each contract can be broken, and the trainer's side stays light."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# contract: the module that breaks it, and with what
BREAKS = {
    "Imports point down": ("reporter/board/_wrong.py", "import reporter.sender.gauges"),
    "Integrations stand on the library": (
        "reporter/run/_wrong.py",
        "import reporter_integrations",
    ),
    "Nothing inside imports the root": ("reporter/sender/_wrong.py", "import reporter"),
    "The trainer's side imports the standard library alone": (
        "reporter/record/_wrong.py",
        "import psutil",
    ),
    "The core knows no framework": ("reporter/hub/_wrong.py", "import torch"),
}


def lint(root: Path) -> str:
    """What import-linter says of the tree at this place: its last lines."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command as lint; "
        "sys.argv = ['lint-imports', '--no-cache']; lint()"
    )
    path = os.pathsep.join([str(root), str(root / "integrations")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert (done.returncode == 0) == (" BROKEN" not in done.stdout), done.stdout
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it is, in a place where it may be broken."""
    root = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "reporter", root / "reporter", ignore=ignored)
    shutil.copytree(REPOSITORY / "integrations", root / "integrations", ignore=ignored)
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    return root


@pytest.mark.slow
def test_every_contract_is_kept(copied: Path) -> None:
    """And each of them is one that is broken below."""
    said = lint(copied)
    assert "0 broken" in said
    kept = {line.removesuffix(" KEPT") for line in said.splitlines() if line.endswith(" KEPT")}
    assert kept == set(BREAKS)


@pytest.mark.slow
@pytest.mark.parametrize("contract", BREAKS)
def test_a_forbidden_import_breaks_its_contract(copied: Path, contract: str) -> None:
    """One line in one module is enough."""
    name, line = BREAKS[contract]
    module = copied / name
    module.write_text(line + "\n")
    try:
        assert f"{contract} BROKEN" in lint(copied)
    finally:
        module.unlink()


@pytest.mark.slow
def test_a_module_without_a_layer_breaks_the_layers(copied: Path) -> None:
    """Whoever adds a room must say where it stands."""
    module = copied / "reporter" / "attic.py"
    module.write_text("")
    try:
        said = lint(copied)
    finally:
        module.unlink()
    assert "Imports point down BROKEN" in said
    assert "reporter.attic" in said


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that a first run loads in a fresh process, beside those of the interpreter."""
    runs = str(tmp_path_factory.mktemp("runs"))
    program = (
        "import sys; before = set(sys.modules)\n"
        "import reporter\n"
        f"with reporter.Reporter(mode='offline', dir={runs!r}) as r:\n"
        "    r.report_metric('loss', 0.5, step=1)\n"
        "    r.report_parameter('lr', 0.1)\n"
        "    r.metric('loss')(0.25)\n"
        "    r.stage('train')\n"
        "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path_factory.mktemp("empty"),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(json.loads(done.stdout))


def test_a_run_loads_nothing_from_outside_the_standard_library(loaded: set[str]) -> None:
    """So that nothing of ours can clash with what a training image pins."""
    roots = {name.partition(".")[0] for name in loaded}
    assert "reporter" in roots
    assert roots - {"reporter"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    "module",
    [
        "asyncio",
        "dataclasses",
        "hashlib",
        "http",
        "inspect",
        "logging",
        "multiprocessing",
        "pathlib",
        "queue",
        "random",
        "secrets",
        "socket",
        "ssl",
        "tempfile",
        "typing",
        "urllib",
    ],
)
def test_a_run_does_not_load_what_it_can_do_without(loaded: set[str], module: str) -> None:
    """Each costs milliseconds at start, or would be shadowed by a user's file of that name."""
    assert module not in loaded


def test_a_run_loads_no_room_that_belongs_to_the_sender(loaded: set[str]) -> None:
    """The sinks, the gauges and the writing of the record live in the child alone."""
    heavy = ("reporter.sinks", "reporter.hub", "reporter.cli", "reporter.sender.gauges")
    assert not [name for name in loaded if name.startswith((*heavy, "reporter.record.writer"))]
    assert {n for n in loaded if n.startswith("reporter.sender.")} == {"reporter.sender.process"}


def test_users_files_of_common_names_are_never_loaded(tmp_path: Path) -> None:
    """A queue.py beside the script is the user's own: neither trainer nor sender loads it."""
    for name in ("queue", "random", "secrets", "socket", "logging", "hashlib", "tempfile", "http"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path)!r} + '/loaded', 'a').write('{name} ')\n"
        )
    script = tmp_path / "train.py"
    script.write_text(
        "import reporter\n"
        "with reporter.Reporter(mode='offline', dir='runs') as r:\n"
        "    r.report_metric('loss', 0.5)\n"
        "    with r.attach('a.txt') as f: f.write('x')\n"
        "    assert r.flush(20)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "loaded").exists()
    assert list(tmp_path.glob("runs/*/*/rank-0/artifacts/*"))
