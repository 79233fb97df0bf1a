"""How busy and full the machine is, against what the kernel says; or its container."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from reporter.sender.machine.cgroup import Cgroups
from reporter.sender.machine.host import Host
from reporter.sender.machine.reading import Reading
from tests.unit.sender.machine.groups import Groups
from tests.unit.sender.machine.subject import Ticking, value
from tests.waiting import wait_for

MIB = 2**20
FILLED = 0.05  # of the memory: other processes come and go meanwhile


def host(reading: Reading, what: str) -> float:
    found = value(reading, f"reporter_host_{what}")
    assert found is not None
    return found


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    """A container: a process in a group of version 2."""
    made = Groups(tmp_path)
    made.mounts("unified")
    made.process_in("0::/pod")
    return made


def memory_of_machine() -> tuple[int, int]:
    """In use and in all: bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    fields = {
        name: int(rest.split()[0]) * 1024 for name, _, rest in (s.partition(":") for s in lines)
    }
    return fields["MemTotal"] - fields["MemAvailable"], fields["MemTotal"]


def test_memory_is_the_machines_where_nothing_is_tighter(groups: Groups) -> None:
    """A limit above what there is limits nothing."""
    used, total = memory_of_machine()
    groups.says("unified/pod", {"memory.max": 10 * total, "memory.current": MIB, "memory.stat": ""})
    reading = Host(groups.found()).read()
    assert host(reading, "memory_total_bytes") == total
    assert host(reading, "memory_used_bytes") == pytest.approx(used, abs=FILLED * total)


def test_memory_is_the_groups_where_it_has_a_limit(groups: Groups) -> None:
    """What is beyond it, the kernel takes from nobody but us."""
    groups.says(
        "unified/pod", {"memory.max": 64 * MIB, "memory.current": 3 * MIB, "memory.stat": ""}
    )
    reading = Host(groups.found()).read()
    assert host(reading, "memory_used_bytes") == 3 * MIB
    assert host(reading, "memory_total_bytes") == 64 * MIB


def test_the_share_is_one_of_the_cores_that_the_group_may_use(groups: Groups) -> None:
    """A quarter of a core of half a core is a half, whatever the machine is at."""
    groups.says("unified/pod", {"cpu.max": "50000 100000", "cpu.stat": "usage_usec 7000000"})
    made = Host(groups.found(), Ticking())
    groups.says("unified/pod", {"cpu.stat": "usage_usec 7250000"})
    assert host(made.read(), "cpu_ratio") == pytest.approx(0.5)
    groups.says("unified/pod", {"cpu.stat": "usage_usec 7250000"})
    assert host(made.read(), "cpu_ratio") == 0


def test_no_share_of_cores_that_have_changed_meanwhile(groups: Groups) -> None:
    """A limit that was set just now says nothing of the time before."""
    made = Host(groups.found(), Ticking())
    groups.says("unified/pod", {"cpu.max": "50000 100000", "cpu.stat": "usage_usec 7000000"})
    assert value(made.read(), "reporter_host_cpu_ratio") is None
    assert host(made.read(), "cpu_ratio") == 0


def test_the_share_of_the_cores_that_a_job_was_given(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them is busy: of the machine that is a part, of this one all."""
    nothing = [type(core)(*(0.0 for _ in core)) for core in psutil.cpu_times(percpu=True)[:1]] * 3
    later = [nothing[0]._replace(idle=4.0), nothing[0]._replace(user=3.0, iowait=1.0)]
    later.append(nothing[0]._replace(user=1.0, guest=1.0, idle=3.0))
    answers = [nothing, later] * 4
    monkeypatch.setattr("psutil.cpu_times", lambda percpu: answers.pop(0))
    for cores, share in (("1", 0.75), ("0-1", 0.375), ("0-2", 1 / 3), ("1,7", 1 / 3)):
        groups.says("unified/pod", {"cpuset.cpus.effective": cores})
        assert host(Host(groups.found(), Ticking()).read(), "cpu_ratio") == pytest.approx(share)


def test_the_machines_own_share() -> None:
    """Once its cores have done anything since the reading before, or nothing."""
    made = Host(Cgroups(os.getpid()))
    share = wait_for(lambda: dict(made.read()).get("reporter_host_cpu_ratio"), what="a share")
    assert 0 <= share[0][1] <= 1


def test_the_network_without_loopback() -> None:
    """Bytes that never leave the machine are not counted."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    fields = {
        name.strip(): rest.split() for name, _, rest in (line.partition(":") for line in lines)
    }
    before = sum(int(words[0]) for name, words in fields.items() if name != "lo")
    reading = Host(Cgroups(os.getpid())).read()
    received = host(reading, "network_receive_bytes_total")
    assert before <= received < before + 100 * MIB
    assert host(reading, "network_transmit_bytes_total") >= 0


def test_each_disk_counts_once() -> None:
    """Its partitions, what is mapped onto it, and memory that looks like one, do not."""
    disks = [path.parent for path in Path("/sys/block").glob("*/device")]
    if not disks:
        pytest.skip("this machine shows no disk")
    before = [(path / "stat").read_text().split() for path in disks]
    reading = Host(Cgroups(os.getpid())).read()
    for what, field in (("read", 2), ("write", 6)):
        expected = sum(int(words[field]) * 512 for words in before)
        assert expected <= host(reading, f"disk_{what}_bytes_total") < expected + 100 * MIB


def test_what_passes_on_the_bytes_of_another_does_not_count(
    tmp_path: Path, groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions, volumes, RAIDs, paths and memory among disks; bridges among interfaces."""
    disks = {f"block/{name}/device" for name in ("sda", "nvme0n1", "nvme0c0n1", "cciss!c0d0")}
    others = {f"block/{name}/queue" for name in ("sda1", "dm-0", "md0", "loop0", "zram0")}
    networks = {"class/net/br0/lower_eth0", "class/net/eth0/upper_br0", "class/net/lo/queues"}
    for folder in disks | others | networks:
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "block/nvme0c0n1/hidden").write_text("1\n")
    (tmp_path / "block/nvme0n1/hidden").write_text("0\n")
    names = ["sda", "nvme0n1", "cciss/c0d0", "sda1", "dm-0", "md0", "loop0", "zram0", "nvme0c0n1"]
    read = {name: SimpleNamespace(read_bytes=10**n, write_bytes=0) for n, name in enumerate(names)}
    sent = {
        name: SimpleNamespace(bytes_sent=10**n, bytes_recv=0)
        for n, name in enumerate(("eth0", "veth1", "br0", "lo"))
    }
    monkeypatch.setattr("psutil.disk_io_counters", lambda **_: read)
    monkeypatch.setattr("psutil.net_io_counters", lambda **_: sent)
    reading = Host(groups.found(), devices=str(tmp_path)).read()
    assert host(reading, "disk_read_bytes_total") == 111
    assert host(reading, "network_transmit_bytes_total") == 11


def test_one_part_that_cannot_be_read_is_absent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may hide the disks, and keep the rest."""

    def hidden(**_: object) -> None:
        raise FileNotFoundError("/proc/diskstats")

    monkeypatch.setattr("psutil.disk_io_counters", hidden)
    families = {name for name, _ in Host(Cgroups(os.getpid()), Ticking()).read()}
    assert families - {"reporter_host_cpu_ratio"} == {
        "reporter_host_memory_used_bytes",
        "reporter_host_memory_total_bytes",
        "reporter_host_network_receive_bytes_total",
        "reporter_host_network_transmit_bytes_total",
    }
