"""Wherever training code runs, and whatever lies around it, it can report."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reporter.names import State
from reporter.record.load import find_records, load
from tests.faults.altered import copy_into
from tests.runs import Ended, Training
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

UNGUARDED = """
import reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
"""
GONE = "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
SHADOWING = ("queue", "random", "secrets", "socket", "tempfile", "gzip", "http", "uuid")
SHADOWING += ("board", "sinks", "prometheus_client", "psutil")


def reported(training: Training, ended: Ended) -> None:
    """The script ended well, said nothing, and its run is whole."""
    assert (ended.code, ended.err) == (0, "")
    record = training.record()
    assert (record.state, list(record.points["loss"].values)) == (State.SUCCEEDED, [0.37])
    log = Path(record.folder) / "sender.log"
    assert log.read_text() == ""


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path, mode="offline")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_c7_an_unguarded_script(method: str, training: Training) -> None:
    """No `__main__` guard is needed, whatever start method multiprocessing is set to."""
    script = training.folder / "train.py"
    chosen = f"import multiprocessing\nmultiprocessing.set_start_method({method!r})\n"
    script.write_text(chosen + UNGUARDED)
    reported(training, training.run([sys.executable, script]))


def test_c7_b9_a_script_on_standard_input(training: Training) -> None:
    """A script that is piped into the interpreter reports, and the sender does not eat the rest
    of it."""
    text = UNGUARDED + "\nprint('the rest of the script')\n"
    ended = training.run([sys.executable, "-"], text)
    assert ended.out == "the rest of the script\n"
    reported(training, ended)


def test_c7_python_c(training: Training) -> None:
    """A command given as text (`python -c`) reports like a script."""
    reported(training, training.run([sys.executable, "-c", UNGUARDED]))


@pytest.mark.parametrize("how", ["script", "-c", "-m"])
def test_b8_a_folder_with_modules_named_as_what_we_import(
    how: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A user's own queue.py, and others like it, disturb neither the trainer nor the sender."""
    training = Training(tmp_path, pushgateway.url)
    for name in SHADOWING:
        (training.folder / f"{name}.py").write_text("raise ImportError('of the user')\n")
    script = training.folder / "train.py"
    script.write_text(UNGUARDED)
    command = {"script": [script], "-c": ["-c", UNGUARDED], "-m": ["-m", "train"]}[how]
    reported(training, training.run([sys.executable, *map(str, command)]))
    assert training.group().metric("loss") == 0.37


def test_b7_a_working_folder_that_was_deleted(training: Training) -> None:
    """The working folder may be gone before the Reporter is made."""
    reported(training, training.run([sys.executable, "-c", GONE + UNGUARDED]))


def test_d1_a_deleted_working_folder_and_no_folder_set(training: Training) -> None:
    """With nowhere to put the record, it is kept where this user can write, and training goes
    on."""
    state = training.folder / "state"
    ended = training.run(
        [sys.executable, "-c", GONE + UNGUARDED], REPORTER_DIR="", XDG_STATE_HOME=str(state)
    )
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    (folder,) = find_records(str(state / "reporter_runs"))
    assert load(folder).state is State.SUCCEEDED


def test_b7_a_deleted_working_folder_and_relative_import_path(training: Training) -> None:
    """Places to import from that can no longer be told do not end a training."""
    code = GONE + "import sys\nsys.path.append('lib')\n"
    reported(training, training.run([sys.executable, "-c", code + UNGUARDED]))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PYTHONHOME", "/nowhere"),
        ("PYTHONPATH", "/nowhere:broken"),
        ("LC_ALL", "C"),
        ("PYTHONIOENCODING", "ascii"),
        ("PYTHONSTARTUP", "/nowhere"),
        ("PYTHONSAFEPATH", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PROMETHEUS_MULTIPROC_DIR", "/nowhere"),
        ("TMPDIR", "/nowhere"),
        ("HOME", "/nowhere"),
        ("http_proxy", "http://127.0.0.1:9"),
    ],
)
def test_b7_an_environment_that_was_changed_before_the_sender_starts(
    variable: str, value: str, training: Training
) -> None:
    """What would break an interpreter's start, or its texts, does not reach the sender."""
    code = f"import os\nos.environ[{variable!r}] = {value!r}\n"
    reported(training, training.run([sys.executable, "-c", code + UNGUARDED]))


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.ISO-8859-1"])
def test_d13_names_survive_any_locale(locale: str, training: Training) -> None:
    """Metric names and parameters are UTF-8 whatever locale the terminal speaks."""
    code = UNGUARDED + "    r.report_metric('Verlust ä', 1)\n    r.report_parameter('ö', '损失')\n"
    script = training.folder / "train.py"
    script.write_text(code, encoding="utf-8")
    plain = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    training.run([sys.executable, script], **plain)
    record = training.record()
    assert record.newest["Verlust ä"][0] == 1
    assert record.parameters == {"ö": "损失"}


def test_b9_c18_closed_standard_streams(training: Training) -> None:
    """A daemon without standard input, output and error reports."""
    script = training.folder / "train.py"
    script.write_text(UNGUARDED)
    training.run(["sh", "-c", f"exec {sys.executable} {script} <&- >&- 2>&-"])
    record = training.record()
    assert (record.state, list(record.points["loss"].values)) == (State.SUCCEEDED, [0.37])


def test_a_copy_of_the_library_beside_the_script(training: Training) -> None:
    """The sender runs the copy that the trainer imported, though another one is installed."""
    logging = "_log_into(self._recorder)\n"
    marked = f"{logging}        print('the copy', file=sys.stderr, flush=True)\n"
    copy_into(training.folder, ("sender/loop.py", logging, marked))
    for name in SHADOWING:
        (training.folder / f"{name}.py").write_text("raise ImportError('of the user')\n")
    ended = training.run([sys.executable, "-c", UNGUARDED])
    assert (ended.code, ended.err) == (0, "")
    assert (Path(training.record().folder) / "sender.log").read_text() == "the copy\n"


def test_c10_asynchronous_scopes(training: Training) -> None:
    """`async with` never loses the end, and the run of a cancelled task is cancelled."""
    code = """
import asyncio, reporter
async def train(cancel):
    async with reporter.Reporter(name="cancelled" if cancel else "whole") as r:
        r.report_metric("loss", 0.37)
        if cancel:
            await asyncio.sleep(60)
async def main():
    await train(False)
    task = asyncio.create_task(train(True))
    while not reporter.status():
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
asyncio.run(main())
"""
    ended = training.run([sys.executable, "-c", code])
    assert (ended.code, ended.err) == (0, "")
    states = {each.identity["name"]: (each.state, each.reason) for each in training.records()}
    assert states == {
        "whole": (State.SUCCEEDED, "returned"),
        "cancelled": (State.CANCELLED, "interrupt"),
    }
