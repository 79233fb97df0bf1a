"""The public surface: what is there, that it is explained, and that types tell the truth."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import reporter
from reporter import Reporter

REPOSITORY = Path(__file__).parents[1]
METHODS = sorted(
    name
    for name, value in vars(Reporter).items()
    if not name.startswith("_") and (inspect.isfunction(value) or inspect.ismemberdescriptor(value))
)


def test_all_is_exactly_what_the_package_exposes() -> None:
    """Sorted, without a module of ours or a helper in between."""
    exposed = {
        name
        for name, value in vars(reporter).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert set(reporter.__all__) == exposed | {"__version__"}
    assert reporter.__all__ == sorted(reporter.__all__)
    assert len(set(reporter.__all__)) == len(reporter.__all__)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_twin_on_the_module_level(name: str) -> None:
    """With the same parameters, names, defaults and kinds, and explained on both levels."""
    method, function = getattr(Reporter, name), getattr(reporter, name)
    assert inspect.getdoc(method)
    assert inspect.getdoc(function)
    of_function = list(inspect.signature(function).parameters.values())
    if inspect.ismemberdescriptor(method):  # the call itself lies in a slot of the instance
        written = str(inspect.signature(function, eval_str=False))
        assert written == "(name: 'str', value: 'Any', step: 'int | None' = None) -> 'None'"
        assert str(inspect.getdoc(method)).startswith(f"{name}(name, value, step=None)\n\n")
        return
    of_method = list(inspect.signature(method).parameters.values())[1:]
    if name not in ("reportMetric", "reportParameter"):  # there the twin is the new spelling
        assert [(p.name, p.default, p.kind) for p in of_function] == [
            (p.name, p.default, p.kind) for p in of_method
        ]


def test_every_function_has_its_twin_on_the_reporter() -> None:
    """Nothing can be said on the module level that a Reporter cannot say."""
    functions = {n for n in reporter.__all__ if inspect.isfunction(getattr(reporter, n))}
    assert functions == set(METHODS)


def test_everything_public_is_explained() -> None:
    """Classes and the package as well."""
    assert inspect.getdoc(reporter)
    for name in reporter.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(reporter, name)), name


def test_errors_are_what_they_seem() -> None:
    """One base to catch them all, and the built-in error that each of them is."""
    assert issubclass(reporter.NameRefused, (reporter.ReporterError, ValueError))
    expected = {
        reporter.NameRefused: ValueError,
        reporter.ValueRefused: TypeError,
        reporter.SettingRefused: ValueError,
    }
    for error, builtin in expected.items():
        assert issubclass(error, reporter.ReporterError)
        assert issubclass(error, builtin)


@pytest.mark.slow
def test_types_are_right_for_right_calls_and_wrong_for_wrong_ones(tmp_path: Path) -> None:
    """mypy --strict accepts the calls of tests/typing/api.py and refuses those marked there."""
    file = REPOSITORY / "tests" / "typing" / "api.py"
    (tmp_path / "api.py").write_text(file.read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "api.py"]
    command += ["--warn-unused-ignores", f"--cache-dir={tmp_path / 'cache'}"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"MYPYPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_wrong_call_without_its_mark_is_an_error(tmp_path: Path) -> None:
    """The check above can fail: each mark in the file hides an error."""
    marked = (REPOSITORY / "tests" / "typing" / "api.py").read_text()
    (tmp_path / "api.py").write_text(marked.replace("# type: ignore[", "# ["))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "api.py"]
    done = subprocess.run(
        [*command, f"--cache-dir={tmp_path / 'cache'}"],
        cwd=tmp_path,
        env={"MYPYPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = {line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line}
    assert len(errors) == marked.count("# type: ignore[")
