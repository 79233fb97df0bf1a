"""`reporter run`: how a Reporter in the program takes over the run that showed it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from reporter.names import State
from tests.runs import Training, child, senders_of
from tests.services.command import COMMAND
from tests.services.programs import Pushgateway, fetch
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

RUN = [*COMMAND, "run"]


def _groups(pushgateway: Pushgateway, host: str) -> set[str]:
    """The ids of the runs that a gateway shows of a host's name."""
    found = json.loads(fetch(pushgateway.url + "/api/v1/metrics"))["data"]
    infos = [(group["labels"].get("run", ""), group.get("reporter_run_info")) for group in found]
    return {
        run
        for run, info in infos
        if info and info["metrics"][0]["labels"]["project"].startswith(host)
    }


def test_the_program_shows_before_it_opens_a_reporter(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """From the start there is a run, and its first Reporter goes on with it: id, name, start."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    code = (
        "import sys, reporter; sys.stdin.readline()\n"
        "with reporter.Reporter() as r: r.report_metric('loss', 0.37)"
    )
    command = [*RUN, "--project", "vision", "--name", "base", "--", sys.executable, "-c", code]
    with training.started(command) as process:
        wait_for(lambda: training.runs() and training.group().state, what="the run to show")
        (before,) = training.runs()
        began = training.group().value("reporter_run_start_time_seconds")
        assert training.group().state is State.RUNNING
        process.communicate("go\n", timeout=20)
        assert process.returncode == 0
    group = training.group(before)
    (info,) = [s for s in group.samples if s.name == "reporter_run_info"]
    assert (info.labels["project"], info.labels["run_name"]) == ("vision", "base")
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, 0.37)
    assert group.value("reporter_run_attempt") == 1
    assert group.value("reporter_run_start_time_seconds") == began
    assert training.record().attempt == 1


def test_a_reporter_with_a_project_of_its_own(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """What the script says of its project and name holds, and nothing of the guess is left."""
    training = Training(tmp_path, pushgateway.url)
    code = (
        "import reporter\nwith reporter.Reporter('cifar', 'mine') as r: r.report_metric('loss', 1)"
    )
    assert training.run([*RUN, "--project", "guess", "--", sys.executable, "-c", code]).code == 0
    assert sorted(os.listdir(training.records_folder)) == [".gitignore", "cifar", "guess"]
    assert os.listdir(training.records_folder / "guess") == []
    record = training.record()
    assert (record.identity["project"], record.identity["name"]) == ("cifar", "mine")
    assert [artifact["name"] for artifact in record.artifacts] == []  # it printed nothing


def test_a_reporter_with_an_id_of_its_own(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """An id that a launcher gives below the wrapper holds; the gateway forgets the other group."""
    training = Training(tmp_path, pushgateway.url, project=tmp_path.name)
    command = [*RUN, "--", "env", "REPORTER_RUN=mine", *child("ends.py", "returned")]
    assert training.run(command).code == 0
    assert training.runs() == ["mine"]
    assert _groups(pushgateway, tmp_path.name) == {"mine"}


def test_a_run_that_is_continued(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """REPORTER_RUN for the wrapper: its attempt is one more, not two, and the history stays."""
    training = Training(tmp_path, pushgateway.url, run="again")
    for attempt in (1, 2):
        assert training.run([*RUN, "--", *child("ends.py", "returned")]).code == 0
        assert training.record().attempt == attempt
    assert list(training.record().points["loss"].values) == [0.37, 0.37]
    assert training.group().value("reporter_run_attempt") == 2


def test_a_run_that_another_process_holds(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """While another process has that run, this one is a run of its own, and one line says so."""
    training = Training(tmp_path, pushgateway.url, run="held")
    with training.told() as told:
        ended = training.run([*RUN, "--", *child("ends.py", "returned")])
        assert ended.code == 0
        assert "held by another process" in ended.err
        told.leave()
    assert len(training.runs()) == 2
    assert training.record("held").attempt == 1


@pytest.mark.parametrize("without", ["", "env -u _REPORTER_WRAPPER "], ids=["below", "elsewhere"])
def test_c16_a_rank_that_comes_after_others(
    without: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Stepping back for other ranks `reporter run` removes nothing of its own one's, which may
    come later, or run on another machine."""
    training = Training(tmp_path, pushgateway.url, run="late", project=tmp_path.name)
    trains = " ".join(child("ends.py", "returned"))
    script = f"RANK=3 {trains} && RANK=1 {without}{trains}"
    ended = training.run([*RUN, "--", "sh", "-c", script], RANK="1")
    assert ended.code == 0, ended.err
    assert [os.path.basename(each.folder) for each in training.records()] == ["rank-1", "rank-3"]
    record, group = training.record("late", 1), training.group("late", 1)
    assert (record.state, group.state, group.metric("loss")) == (State.SUCCEEDED,) * 2 + (0.37,)
    assert record.attempt == (2 if without else 1)
    assert list(record.points["loss"].values) == [0.37]


REPORTS_TWICE = """
import reporter
for n in range(2):
    with reporter.Reporter(**({"dir": "other"} if n else {})):
        pass
"""


def test_no_gateway_is_said_once(tmp_path: Path) -> None:
    """By `reporter run`, whatever it runs; and again only where the records go elsewhere."""
    training = Training(tmp_path)
    ended = training.run([*RUN, "--", *RUN, "--", *child("ends.py", "returned")])
    assert ended.err.count("no gateway is set") == len(ended.err.splitlines()) == 1
    ended = training.run([*RUN, "--", sys.executable, "-c", REPORTS_TWICE])
    first, second = ended.err.splitlines()
    assert str(training.records_folder) in first
    assert str(tmp_path / "other") in second


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_without_a_gateway(mode: str, tmp_path: Path) -> None:
    """Offline a run is recorded; disabled nothing is, and the exit code passes all the same."""
    training = Training(tmp_path, mode=mode)
    ended = training.run([*RUN, "--", "sh", "-c", "echo hello; exit 7"])
    assert (ended.code, ended.out) == (7, "hello\n")
    reasons = [(record.reason, record.detail) for record in training.records()]
    assert reasons == ([("exit_code", "7")] if mode == "offline" else [])


def test_a_wrapper_within_a_wrapper(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The inner one takes the run of the outer one, and hands it on: there is one run."""
    training = Training(tmp_path, pushgateway.url)
    ended = training.run([*RUN, "--", *RUN, "--", *child("ends.py", "exit-3")])
    assert ended.code == 3, ended.err
    record, group = training.record(), training.group()
    assert (record.state, record.reason, record.detail) == (State.FAILED, "exit_code", "3")
    assert (group.state, group.reason) == (State.FAILED, "exit_code")
    assert senders_of(training) == []


def test_b1_the_senders_of_a_wrapped_run_are_killed(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A wrapped program whose sender was killed gets a new one at its end, and its word counts."""
    training = Training(tmp_path, pushgateway.url)
    code = (
        "import os, reporter\nwith reporter.Reporter() as r:\n"
        "    r.report_metric('loss', 0.37); r.flush(); os.kill(r.status()['sender'], 9)\n"
        "    r.report_metric('loss', 0.36)"
    )
    ended = training.run([*RUN, "--", sys.executable, "-c", code])
    assert ended.code == 0, ended.err
    assert list(training.record().points["loss"].values) == [0.37, 0.36]
    assert (training.group().state, training.group().metric("loss")) == (State.SUCCEEDED, 0.36)


@pytest.mark.parametrize("arguments", [["run"], ["run", "--"], ["run", "--nope", "--", "true"]])
def test_a_wrong_call_says_what_to_type(arguments: list[str], tmp_path: Path) -> None:
    """Exit code 2, and a usage line."""
    ended = Training(tmp_path).run([*COMMAND, *arguments])
    assert ended.code == 2
    assert "usage: reporter run" in ended.err


def test_help_helps(tmp_path: Path) -> None:
    """It says what it does, with examples."""
    ended = Training(tmp_path).run([*COMMAND, "run", "--help"])
    assert ended.code == 0
    assert "reporter run -- python train.py" in ended.out
    assert "exit code" in ended.out
