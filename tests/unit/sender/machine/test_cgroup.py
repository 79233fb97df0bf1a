"""What cgroups let a process have: both versions, in a container and beside one, and a real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reporter.sender.machine.cgroup import Cgroups, Memory, Quota
from tests.cgroups import memory_group
from tests.machine import needs_root
from tests.unit.sender.machine.groups import PID, Groups

MIB = 2**20
NO_LIMIT_OF_V1 = 0x7FFFFFFFFFFFF000


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_memory_in_version_2(groups: Groups) -> None:
    """What the kernel keeps of files that nobody reads any more is not in use."""
    groups.mounts("unified")
    groups.process_in("0::/pod/main")
    stat = f"anon 1\nfile 2\ninactive_file {10 * MIB}\nactive_file 3"
    groups.says(
        "unified/pod/main",
        {"memory.max": 64 * MIB, "memory.current": 30 * MIB, "memory.stat": stat},
    )
    assert groups.found().memory() == Memory(20 * MIB, 64 * MIB)


def test_memory_in_version_1(groups: Groups) -> None:
    """The same by other names, those with `total_` being of the groups below too."""
    groups.mounts("memory", "memory")
    groups.process_in("4:memory:/pod", "3:cpuset:/", "0::/")
    files = {
        "memory.limit_in_bytes": 64 * MIB,
        "memory.usage_in_bytes": 30 * MIB,
        "memory.stat": f"inactive_file 1\ntotal_inactive_file {10 * MIB}",
    }
    groups.says("memory/pod", files)
    groups.says("memory", {**files, "memory.limit_in_bytes": NO_LIMIT_OF_V1})
    assert groups.found().memory() == Memory(20 * MIB, 64 * MIB)


def test_the_tightest_limit_above_counts(groups: Groups) -> None:
    """A pod's or a job's, whose containers or steps have none or a wider one."""
    groups.mounts("unified")
    groups.process_in("0::/job/step")
    groups.says("unified/job/step", {"memory.max": "max", "memory.current": MIB, "memory.stat": ""})
    groups.says(
        "unified/job", {"memory.max": 64 * MIB, "memory.current": 30 * MIB, "memory.stat": ""}
    )
    groups.says("unified/job/step", {"cpu.max": "400000 100000", "cpu.stat": "usage_usec 1000000"})
    groups.says(
        "unified/job", {"cpu.max": "150000 100000", "cpu.stat": "usage_usec 2500000\nuser_usec 1"}
    )
    assert groups.found().memory() == Memory(30 * MIB, 64 * MIB)
    assert groups.found().quota() == Quota(1.5, 2.5)


@pytest.mark.parametrize(
    ("root", "path", "place"),
    [
        ("/", "/", "unified"),  # a namespace of its own
        ("/kubepods/pod/main", "/kubepods/pod/main", "unified"),  # the host's path, and its mount
        ("/kubepods/pod", "/kubepods/pod/main", "unified/main"),
        ("/", "/not/seen/here", "unified"),
        ("/", "/../../outside", "unified"),
        ("/kubepods/pod", "/kubepods", "unified"),
        ("/kubepods/pod", "/elsewhere/pod", "unified"),
    ],
)
def test_in_a_container_the_group_is_found(
    root: str, path: str, place: str, groups: Groups
) -> None:
    """Whether it sees its own path, the host's, or one that is nowhere in it."""
    groups.mounts("unified", root=root)
    groups.process_in(f"0::{path}")
    groups.says(
        place, {"memory.max": 64 * MIB, "memory.current": MIB, "memory.stat": "inactive_file 0"}
    )
    assert groups.found().memory() == Memory(MIB, 64 * MIB)


@pytest.mark.parametrize("together", [True, False], ids=["one hierarchy", "two"])
def test_cores_in_version_1(together: bool, groups: Groups) -> None:
    """What is limited and what is used are counted by two controllers, mounted together or not."""
    counting = "cpu" if together else "cpuacct"
    groups.mounts("cpu", "cpu,cpuacct" if together else "cpu")
    if not together:
        groups.mounts("cpuacct", "cpuacct")
    groups.process_in("2:cpu,cpuacct:/pod" if together else "2:cpu:/pod", "0::/")
    groups.says("cpu/pod", {"cpu.cfs_quota_us": 250000, "cpu.cfs_period_us": 100000})
    groups.says(f"{counting}/pod", {"cpuacct.usage": 3_000_000_000})
    groups.says("cpu", {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 100000})
    assert groups.found().quota() == Quota(2.5, 3.0)


def test_the_numbers_of_cores(groups: Groups) -> None:
    """A list of ranges, in either version; a group that says none has those of the one above."""
    groups.mounts("cpuset", "cpuset")
    groups.process_in("5:cpuset:/job/step", "0::/")
    groups.says("cpuset/job/step", {"cpuset.effective_cpus": ""})
    groups.says("cpuset/job", {"cpuset.effective_cpus": "0-2,8,10-11"})
    assert groups.found().cpus() == {0, 1, 2, 8, 10, 11}
    groups.mounts("unified")
    groups.process_in("0::/")
    groups.says("unified", {"cpuset.cpus.effective": "4"})
    assert groups.found().cpus() == {4}


def test_where_there_is_no_limit_there_is_none(groups: Groups) -> None:
    """No group, no files, or files that say so."""
    assert groups.found().memory() is None
    groups.mounts("unified")
    groups.process_in("0::/pod")
    assert groups.found().quota() is None
    groups.says("unified/pod", {"memory.max": "max", "memory.current": 1, "memory.stat": ""})
    groups.says("unified/pod", {"cpu.max": "max 100000", "cpu.stat": "usage_usec 1"})
    found = groups.found()
    assert (found.memory(), found.quota(), found.cpus()) == (None, None, None)
    assert Cgroups(PID, "/nowhere").memory() is None


@pytest.mark.root
@needs_root
@pytest.mark.slow
def test_a_real_group_with_a_limit_on_memory() -> None:
    """What the kernel has counted for it, less what it would give back."""
    program = "import sys; kept = bytearray(b'x') * (20 << 20); print(flush=True); sys.stdin.read()"
    with memory_group(100 * MIB) as group:
        with subprocess.Popen(
            [*group.entering, sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            found = Cgroups(process.pid).memory()
            process.communicate()
        assert found is not None
        assert found.total == 100 * MIB
        assert 20 * MIB < found.used < 60 * MIB
