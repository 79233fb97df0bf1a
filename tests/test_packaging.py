"""The wheel: what it holds, and that it works where nothing else is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

import reporter
from reporter.cli.bundle import Kind, Wishes, bundle

REPOSITORY = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def call(command: Sequence[str | Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run it where neither this checkout nor its environment is to be found."""
    unwanted = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sources by the backend that pyproject names."""
    target = tmp_path_factory.mktemp("wheel")
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--wheel",
        "--outdir",
        target,
    ]
    done = call([*command, REPOSITORY], target)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and what it asks for, and nothing more."""
    place = tmp_path_factory.mktemp("venv") / "venv"
    made = call([sys.executable, "-m", "venv", place], place.parent)
    assert made.returncode == 0, made.stderr
    pip: list[str | Path] = [
        place / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
    ]
    pip += ["--disable-pip-version-check"]
    done = call([*pip, "--no-deps", wheel], place.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    done = call([*pip, "prometheus_client", "psutil"], place.parent)
    if done.returncode:
        absent = f"no package index: {done.stderr[-300:]}"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    return place


def test_the_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    """No tests, no documents, no second top-level name that could shadow a user's folder."""
    names = zipfile.ZipFile(wheel).namelist()
    info = f"run_reporter-{reporter.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {
        "reporter",
        "reporter_integrations",
        info,
    }
    for package in ("reporter", "reporter_integrations"):
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names
    assert not [name for name in names if "__pycache__" in name or "test_" in name]
    assert f"{info}/licenses/LICENSE" in names


def test_the_wheel_holds_every_module_of_the_tree(wheel: Path) -> None:
    """What is missing there would only be missed by users."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for root in (REPOSITORY / "reporter", REPOSITORY / "integrations" / "reporter_integrations"):
        for file in root.rglob("*.py"):
            assert file.relative_to(root.parent).as_posix() in names


def test_the_wheel_says_what_it_needs_and_offers(wheel: Path) -> None:
    """The command, the pytest plugin, the version of Python, and two dependencies."""
    archive = zipfile.ZipFile(wheel)
    info = f"run_reporter-{reporter.__version__}.dist-info"
    points = archive.read(f"{info}/entry_points.txt").decode().split()
    assert " ".join(points) == (
        "[console_scripts] reporter = reporter.cli:main [pytest11] reporter = reporter.testing"
    )
    metadata = archive.read(f"{info}/METADATA").decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    always = [line.split()[1] for line in needed if "extra ==" not in line]
    assert sorted(always) == ["prometheus-client>=0.20", "psutil>=5.9"]
    assert "Requires-Python: >=3.11" in metadata


def test_a_run_works_with_the_wheel_alone(environment: Path, tmp_path: Path) -> None:
    """It is recorded, ends as it did, and the record can be read."""
    script = tmp_path / "train.py"
    script.write_text(
        "import reporter, reporter_integrations, sys\n"
        "with reporter.Reporter(mode='offline', dir='runs', parameters={'lr': 0.1}) as r:\n"
        "    for n in range(100): r.report_metric('loss', 1 / (n + 1), step=n)\n"
        "print(r.run_id)\n"
    )
    python = environment / "bin" / "python"
    done = call([python, script], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    read = (
        "import json\n"
        "from reporter.record.load import find_records, load\n"
        "(folder,) = find_records('runs'); record = load(folder)\n"
        "print(json.dumps([folder, record.newest['loss'], int(record.state), record.parameters,"
        " len(record.points['loss'].values)]))\n"
    )
    told = call([python, "-c", read], tmp_path)
    assert told.returncode == 0, told.stderr
    folder, newest, state, parameters, count = json.loads(told.stdout)
    assert done.stdout.strip() in folder
    assert (newest, state, parameters, count) == ([0.01, 99], 2, {"lr": 0.1}, 100)


def test_the_command_says_its_version(environment: Path, tmp_path: Path) -> None:
    """It needs nothing for that."""
    done = call([environment / "bin" / "reporter", "--version"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert reporter.__version__ in done.stdout


def test_the_command_says_what_to_install(environment: Path, tmp_path: Path) -> None:
    """Without the extra it names it, and shows no traceback."""
    done = call([environment / "bin" / "reporter", "up"], tmp_path)
    assert done.returncode not in (0, None)
    assert "run-reporter[cli]" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_the_module_is_the_command_too(environment: Path, tmp_path: Path) -> None:
    """`python -m reporter.cli`, where a script is not on the path."""
    command: list[str | Path] = [environment / "bin" / "python", "-m", "reporter.cli", "--version"]
    assert reporter.__version__ in call(command, tmp_path).stdout


def test_pytest_finds_the_plugin(wheel: Path, environment: Path, tmp_path: Path) -> None:
    """The entry point names a module that the wheel holds and that loads without pytest's help."""
    code = (
        "from importlib.metadata import entry_points as e\n"
        "(point,) = [p for p in e(group='pytest11') if p.name == 'reporter']\n"
        "print(point.value)"
    )
    done = call([environment / "bin" / "python", "-c", code], tmp_path)
    assert done.stdout.strip() == "reporter.testing"
    assert "reporter/testing.py" in zipfile.ZipFile(wheel).namelist()


def test_the_wheel_holds_what_is_exported(environment: Path, tmp_path: Path) -> None:
    """Dashboards, rules and all else for Grafana: byte for byte what this checkout exports."""
    code = (
        "import json, sys\n"
        "from reporter.cli.bundle import Kind, Wishes, bundle\n"
        "json.dump({kind: bundle(kind, Wishes()) for kind in Kind}, sys.stdout)"
    )
    told = call([environment / "bin" / "python", "-c", code], tmp_path)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {kind: bundle(kind, Wishes()) for kind in Kind}


def test_nothing_of_this_checkout_was_used(environment: Path, tmp_path: Path) -> None:
    """The tests above run what the wheel installed."""
    code = "import reporter; print(reporter.__file__)"
    found = call([environment / "bin" / "python", "-c", code], tmp_path).stdout.strip()
    assert found.startswith(str(environment))
    assert shutil.which("reporter", path=str(environment / "bin"))
