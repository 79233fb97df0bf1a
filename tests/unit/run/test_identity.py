"""Who a run is: ids that sort and are safe, and that all ranks of a launch derive alike."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from reporter.run import wrapper
from reporter.run.identity import (
    RANKS,
    is_copy,
    new_name,
    new_run_id,
    rank_of,
    shared_run_id,
    start_of_parent,
    world_size_of,
)
from reporter.settings.parse import run_id

TORCH = {
    "TORCHELASTIC_RUN_ID": "abc",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
    "WORLD_SIZE": "4",
}
SLURM = {
    "SLURM_JOB_ID": "123",
    "SLURM_STEP_ID": "0",
    "SLURM_RESTART_COUNT": "0",
    "SLURM_CLUSTER_NAME": "big",
    "SLURM_NTASKS": "8",
}
MASTER = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500", "WORLD_SIZE": "2"}
# What Lightning's own launcher sets: RANK is not among it.
COPIES = {**MASTER, "NODE_RANK": "0"}
LAUNCHES = [TORCH, SLURM, {"JOB_UID": "6f2c-4a"}, MASTER]
SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def test_ids_sort_by_time_and_are_unique() -> None:
    """To the second by their text, and never alike within one."""
    times = [0.0, 1e9, 1.7e9, 1.7e9 + 1, 1.7e9 + 3600, 3e9]
    ids = [new_run_id(t) for t in times]
    assert ids == sorted(ids)
    assert ids[2].startswith("20231114-221320-")
    assert len({new_run_id(0) for _ in range(10_000)}) == 10_000


def test_ids_are_safe_in_a_url_and_a_path() -> None:
    """The setting `run` accepts every id that is made here."""
    for made in (new_run_id(), new_run_id(0), *(shared_run_id(e) for e in LAUNCHES)):
        assert made is not None
        assert SAFE.fullmatch(made)
        assert run_id(made) == made


@pytest.mark.parametrize("hostile", ["../../etc", "a/b c\n", "ü" * 300, "%2e%2e", ".", "\udcff"])
@pytest.mark.parametrize("variable", ["TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "JOB_UID"])
def test_whatever_a_launcher_says_makes_a_safe_id(variable: str, hostile: str) -> None:
    """An id becomes a folder and a path segment of a URL."""
    made = shared_run_id({variable: hostile, "SLURM_STEP_ID": hostile})
    assert made is not None
    assert SAFE.fullmatch(made)


def test_a_name_is_two_words() -> None:
    """A person can say it."""
    names = {new_name() for _ in range(200)}
    assert len(names) > 50
    assert all(re.fullmatch(r"[a-z]+-[a-z]+", name) for name in names)


def test_rank_variables_are_asked_in_order() -> None:
    """The first one that holds a number counts."""
    environment = {variable: str(n + 1) for n, variable in enumerate(RANKS)}
    for n, variable in enumerate(RANKS):
        assert rank_of(environment) == n + 1
        del environment[variable]
    assert rank_of(environment) == 0
    assert RANKS == (
        "RANK",
        "SLURM_PROCID",
        "OMPI_COMM_WORLD_RANK",
        "PMI_RANK",
        "JOB_COMPLETION_INDEX",
    )


def test_a_rank_of_zero_is_a_rank() -> None:
    """It must not fall through to the next launcher's word."""
    assert rank_of({"RANK": "0", "SLURM_PROCID": "3"}) == 0


@pytest.mark.parametrize("odd", ["", "x", "-1", "1.5", "²", " "])
def test_a_rank_that_is_no_number_is_passed_over(odd: str) -> None:
    """Whatever stands there."""
    assert rank_of({"RANK": odd, "PMI_RANK": "2"}) == 2
    assert world_size_of({"WORLD_SIZE": odd, "PMI_SIZE": "2"}) == 2


def test_without_a_launcher_there_is_no_shared_id() -> None:
    """One process on its own gets an id of its own."""
    assert shared_run_id({}) is None
    assert world_size_of({}) == 1
    assert shared_run_id({"MASTER_ADDR": "h", "MASTER_PORT": "1"}) is None
    assert shared_run_id({**MASTER, "WORLD_SIZE": "1"}) is None
    assert shared_run_id({"MASTER_ADDR": "h", "WORLD_SIZE": "2"}) is None


@pytest.mark.parametrize("launch", LAUNCHES, ids=["torch", "slurm", "job", "master"])
def test_c16_ranks_agree_whatever_else_differs(launch: dict[str, str]) -> None:
    """Ranks derive one id from what torchrun, Slurm, a Kubernetes job or a master address gives
    them alike."""
    first = shared_run_id({**launch, "RANK": "0", "LOCAL_RANK": "0", "SLURM_PROCID": "0"})
    second = shared_run_id({**launch, "RANK": "1", "LOCAL_RANK": "1", "SLURM_PROCID": "1"})
    assert first == second is not None


@pytest.mark.parametrize(
    ("launch", "changes"),
    [
        (TORCH, {"TORCHELASTIC_RUN_ID": "abd"}),
        (TORCH, {"TORCHELASTIC_RESTART_COUNT": "1"}),
        (TORCH, {"MASTER_PORT": "29501"}),
        (SLURM, {"SLURM_JOB_ID": "124"}),
        (SLURM, {"SLURM_STEP_ID": "1"}),
        (SLURM, {"SLURM_RESTART_COUNT": "1"}),
        (SLURM, {"SLURM_CLUSTER_NAME": "small"}),
        ({"JOB_UID": "a"}, {"JOB_UID": "b"}),
        (MASTER, {"MASTER_PORT": "29501"}),
        (MASTER, {"MASTER_ADDR": "10.0.0.2"}),
    ],
)
def test_c16_another_launch_is_another_run(launch: dict[str, str], changes: dict[str, str]) -> None:
    """A restart, the next step of a job or another cluster's job of the same number is another
    run."""
    assert shared_run_id(launch) != shared_run_id({**launch, **changes})


def test_ids_that_only_differ_beyond_the_cut_stay_two() -> None:
    """A long id chosen by a user is cut in the text, not in what tells runs apart."""
    long = "x" * 100
    ids = {shared_run_id({**TORCH, "TORCHELASTIC_RUN_ID": long + end}) for end in "ab"}
    assert len(ids) == 2


@pytest.mark.parametrize("nobody", ["", "none"])
def test_torchruns_word_for_nobody_is_no_id(nobody: str) -> None:
    """`none` is what it says where nobody chose one; every such launch would be one run."""
    without = {**TORCH, "TORCHELASTIC_RUN_ID": nobody}
    made = shared_run_id(without)
    assert made is not None
    assert made.startswith("ranks-")
    assert shared_run_id({"TORCHELASTIC_RUN_ID": nobody}) is None


def test_launchers_are_asked_in_order() -> None:
    """torchrun inside a Slurm job knows better than Slurm."""
    everything = {**SLURM, **TORCH, "JOB_UID": "u"}
    assert (shared_run_id(everything) or "").startswith("torch-")
    assert (shared_run_id({**SLURM, "JOB_UID": "u", **MASTER}) or "").startswith("slurm-123-0-0-")
    assert shared_run_id({"JOB_UID": "u", **MASTER}) == "job-u"


@pytest.mark.parametrize("launch", LAUNCHES, ids=["torch", "slurm", "job", "master"])
def test_a_second_reporter_of_the_launch_is_a_second_run(launch: dict[str, str]) -> None:
    """On every rank the same one."""
    first, second, third = (shared_run_id(launch, nth) for nth in (1, 2, 3))
    assert len({first, second, third}) == 3
    assert second == shared_run_id(launch, 2)


def test_c16_two_launches_of_one_machine_differ_by_their_parent() -> None:
    """Nor are two launches with the same address and port one run."""
    code = "import os; from reporter.run.identity import shared_run_id as s; print(s(os.environ))"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"

    def ask(program: str) -> str:
        command = [sys.executable, "-c", program]
        environment = {**os.environ, **MASTER}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    first, second, elsewhere = ask(code), ask(code), ask(nested)
    assert first == second
    assert first.startswith("ranks-")
    assert elsewhere != first


def test_c16_a_wrapper_between_the_launcher_and_its_ranks_changes_nothing() -> None:
    """Ranks that have a `reporter run` each find each other; two launches below one stay two."""
    parent, launcher = str(start_of_parent()), "4711"
    below = {**MASTER, wrapper.VARIABLE: f"name/key/{launcher}/{parent}"}
    beside = {**MASTER, wrapper.VARIABLE: f"other/key/{launcher}/{parent}"}
    assert shared_run_id(below) == shared_run_id(beside) != shared_run_id(MASTER)
    # The wrapper stands above the launcher: ours is another process, the parent after all.
    above = {**MASTER, wrapper.VARIABLE: f"name/key/{launcher}/1{parent}"}
    assert shared_run_id(above) == shared_run_id(MASTER)


def test_the_rank_of_a_copy_of_the_script() -> None:
    """Lightning gives it LOCAL_RANK alone; a launcher that gives a rank of its own knows better."""
    assert [rank_of({**COPIES, "LOCAL_RANK": k}) for k in ("0", "1", "3")] == [0, 1, 3]
    assert rank_of({**COPIES, "LOCAL_RANK": "1", "RANK": "0"}) == 0
    assert rank_of({**COPIES, "LOCAL_RANK": "1", "SLURM_PROCID": "5"}) == 5
    # An interactive job of Slurm started the first copy alone, and the others inherit its word.
    assert rank_of({**COPIES, "LOCAL_RANK": "1", "SLURM_PROCID": "0"}) == 1
    # How many ranks the nodes before have is not said.
    assert rank_of({**COPIES, "LOCAL_RANK": "1", "NODE_RANK": "2"}) == 0


def test_a_local_rank_without_lightnings_launcher_is_no_rank() -> None:
    """Somebody who sets it to choose a GPU is alone; in an indexed Job the index is the rank."""
    assert rank_of({"LOCAL_RANK": "1"}) == 0
    assert rank_of({"LOCAL_RANK": "1", "NODE_RANK": "0"}) == 0
    assert rank_of({**MASTER, "LOCAL_RANK": "1"}) == 0
    assert rank_of({"LOCAL_RANK": "1", "JOB_COMPLETION_INDEX": "0"}) == 0


def test_which_process_is_a_copy() -> None:
    """Not the first one, nor one that torchrun or nobody started."""
    assert is_copy({**COPIES, "LOCAL_RANK": "1"})
    assert not is_copy({**COPIES, "LOCAL_RANK": "0"})
    assert not is_copy({**COPIES, "LOCAL_RANK": "1", "RANK": "1"})
    assert not is_copy({**MASTER, "LOCAL_RANK": "1"})
    assert not is_copy({})


_COPY = "import os; from reporter.run.identity import shared_run_id as s; print(s(os.environ, 2))"
_FIRST = f"""
import os, subprocess, sys
from reporter.run.identity import shared_run_id
os.environ.update({COPIES!r}, LOCAL_RANK="0")
print(shared_run_id(os.environ, 2), flush=True)
copy = {{**os.environ, "LOCAL_RANK": "1"}}
subprocess.run([sys.executable, "-c", {_COPY!r}], env=copy, check=True)
del os.environ["WORLD_SIZE"]
print(shared_run_id(os.environ, 2), flush=True)
"""


def test_a_script_and_its_copies_agree() -> None:
    """The first one started the others and is no child of their launcher: it is that launcher.

    After its first training Lightning takes the world's size away, which changes nothing."""
    told = _told_by(_FIRST).split()
    assert len(told) == 3
    assert len(set(told)) == 1
    assert told[0].startswith("ranks-")
    assert told[0].endswith("-2")


_BEHIND_A_TRAINING = f"""
import os, subprocess, sys
os.environ.update({COPIES!r}, LOCAL_RANK="0")
del os.environ["WORLD_SIZE"]
for _ in range(2):
    subprocess.run([sys.executable, "-c", {_COPY!r}], check=True)
"""


def test_what_a_script_starts_behind_its_training_is_no_rank() -> None:
    """It has the variables that Lightning left, and is another program, with runs of its own."""
    assert _told_by(_BEHIND_A_TRAINING).split() == ["None", "None"]


def _told_by(program: str, **environment: str) -> str:
    """What it prints, below this process and without a LOCAL_RANK but for one that is given."""
    inherited = {k: v for k, v in os.environ.items() if k != "LOCAL_RANK"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_ranks_that_a_shell_started_agree() -> None:
    """Also the first of them was given its LOCAL_RANK: their launcher is the process above all."""
    told = {_told_by(_COPY, **COPIES, LOCAL_RANK=rank) for rank in ("0", "1")}
    assert len(told) == 1


# As setproctitle does, which puts the title where the kernel shows the environment.
_TITLE = """
import ctypes, reporter
words = open("/proc/self/stat").read().rpartition(")")[2].split()
start, end = int(words[47]), int(words[48])
ctypes.memset(start, 0, end - start)
assert not open("/proc/self/environ", "rb").read().strip(b"\\0")
"""


def test_a_process_that_changed_its_title_agrees_with_the_others() -> None:
    """What it was started with is seen before its title lies over it."""
    told = {_told_by(_TITLE + _COPY, **COPIES, LOCAL_RANK=rank) for rank in ("0", "1")}
    assert len(told) == 1
