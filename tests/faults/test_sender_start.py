"""The sender is started where little works: no process to be had, no interpreter, odd variables."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from reporter.names import State
from tests.machine import works
from tests.runs import Ended, Training
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

# A user that has no other process, and reads whatever root may read.
OTHER_USER = (
    *("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"),
    *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
    "prlimit",
)
needs_another_user = pytest.mark.skipif(
    not works(*OTHER_USER, "--nproc=9", "true"), reason="needs root that may become another user"
)
ONE_RUN = """
import reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    print(r.flush(0.2), r.status()["live"])
"""
LOADED = """
import json, sys, reporter
with reporter.Reporter(mode="offline") as r:
    r.report_metric("loss", 0.37)
    r.tag("team", "vision")
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""
# What would break an interpreter, or the loading of it, if the sender heeded it.
DAMAGE = {
    "PYTHONHOME": "os.environ['PYTHONHOME'] = '/nowhere'",
    "PYTHONPATH": "os.environ['PYTHONPATH'] = '/nowhere'",
    "sitecustomize": "os.environ['PYTHONPATH'] = here",
    "no variables": "os.environ.clear()",
    "no PATH": "del os.environ['PATH']",
    "LC_ALL": "os.environ['LC_ALL'] = 'C'; os.environ['PYTHONUTF8'] = '0'",
    "LD_PRELOAD": "os.environ['LD_PRELOAD'] = '/nowhere.so'",
    "LD_LIBRARY_PATH": "os.environ['LD_LIBRARY_PATH'] = '/nowhere'",
    "PYTHONWARNINGS": "os.environ['PYTHONWARNINGS'] = 'error'",
}


@pytest.fixture
def training(tmp_path: Path, pushgateway: Pushgateway) -> Training:
    return Training(tmp_path, pushgateway.url)


def is_whole(training: Training, ended: Ended) -> None:
    """Nothing was said, and the run is in the record and on the gateway."""
    assert (ended.code, ended.err) == (0, "")
    record, group = training.record(), training.group()
    assert (record.state, record.delivered) == (State.SUCCEEDED, True)
    assert list(record.points["loss"].values) == [group.metric("loss")] == [0.37]
    assert (Path(record.folder) / "sender.log").read_text() == ""


def is_not_reported(training: Training, ended: Ended, why: str) -> None:
    """Training went on, and what became of the run was said."""
    first, last = ended.err.splitlines()
    assert (ended.code, ended.out) == (0, "False True\n")
    assert first.startswith(f"reporter: the sender could not be started ({why}")
    assert last.endswith("was not recorded: its sender could not run")
    assert training.records() == []


@pytest.mark.parametrize("interpreter", ["", "/nowhere/python", "/dev/null"])
def test_b6_without_an_interpreter_training_goes_on(interpreter: str, training: Training) -> None:
    """A frozen or embedded program may not know its interpreter: training goes on, one line says
    why the sender could not be started, one at the end that the run was not recorded."""
    code = f"import sys\nsys.executable = {interpreter!r}\n{ONE_RUN}"
    ended = training.run([sys.executable, "-c", code])
    why = "FileNotFoundError" if "nowhere" in interpreter else "PermissionError"
    is_not_reported(training, ended, why)


def test_b6_an_interpreter_that_dies_at_once_is_said(training: Training) -> None:
    """An interpreter that the system cannot load costs training nothing either; a line at the end
    says that the run was not recorded."""
    (training.folder / "libc.so.6").write_text("no library\n")
    code = f"import os\nos.environ['LD_LIBRARY_PATH'] = {str(training.folder)!r}\n{ONE_RUN}"
    ended = training.run([sys.executable, "-c", code])
    assert (ended.code, ended.out) == (0, "False True\n")
    assert ended.err.endswith("was not recorded: its sender could not run\n")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.root
@needs_another_user
def test_b6_without_a_process_to_be_had_training_goes_on(training: Training) -> None:
    """At the limit of the user's processes training goes on, with the same two lines."""
    alone = [*OTHER_USER, "--nproc=1"]
    ended = training.run([*alone, sys.executable, "-c", ONE_RUN])
    is_not_reported(training, ended, "BlockingIOError")


@pytest.mark.root
@needs_another_user
def test_b6_d7_a_sender_without_threads_keeps_the_record(training: Training) -> None:
    """Where the limit of processes lets it have no thread, nothing can be pushed: the record is
    whole, and it is said what is not delivered."""
    alone = [*OTHER_USER, "--nproc=2"]
    ended = training.run([*alone, sys.executable, "-c", ONE_RUN], REPORTER_EXIT_TIMEOUT="1")
    assert ended.code == 0
    assert "within 1 s (can't start new thread)" in ended.err
    record = training.ended_record()
    assert (record.state, list(record.points["loss"].values)) == (State.SUCCEEDED, [0.37])
    assert "Traceback" not in (Path(record.folder) / "sender.log").read_text()


@pytest.mark.parametrize("damage", DAMAGE)
def test_b7_a_damaged_environment_does_not_reach_the_sender(
    damage: str, training: Training
) -> None:
    """Whatever variables are broken, missing or hostile when the run begins, the sender starts
    and delivers."""
    here = training.folder / "here"
    here.mkdir()
    (here / "sitecustomize.py").write_text("raise SystemExit('of the user')\n")
    code = f"import os\nhere = {str(here)!r}\n{DAMAGE[damage]}\n"
    script = training.folder / "train.py"
    script.write_text(code + _in_scope(training))
    is_whole(training, training.run([sys.executable, script]))


def test_b8_no_module_of_the_users_stands_in_for_the_standard_library(training: Training) -> None:
    """With a file of the name of every module that only the sender needs beside the script, and
    in the working folder, both the trainer and the sender find the real ones."""
    elsewhere = str(training.folder / "elsewhere")
    loaded = json.loads(training.run([sys.executable, "-c", LOADED], REPORTER_DIR=elsewhere).out)
    shadows = {"prometheus_client", *filter(find_spec, sys.stdlib_module_names)} - set(loaded)
    assert {"socket", "http", "queue", "ssl", "hashlib"} <= shadows
    for name in shadows:
        (training.folder / f"{name}.py").write_text("raise ImportError('of the user')\n")
    script = training.folder / "train.py"
    script.write_text(_in_scope(training))
    is_whole(training, training.run([sys.executable, script]))


def test_b7_settings_are_read_when_the_run_begins(training: Training) -> None:
    """A variable that changes later changes nothing for this run."""
    code = ONE_RUN.replace("    print", "    import os; os.environ.clear()\n    print")
    is_whole(training, training.run([sys.executable, "-c", code], REPORTER_EXIT_TIMEOUT="10"))


def _in_scope(training: Training) -> str:
    """A run whose settings are arguments: its environment may be emptied."""
    chosen = f"gateway={training.gateway!r}, dir={str(training.records_folder)!r}"
    return ONE_RUN.replace("Reporter()", f"Reporter({chosen})")
