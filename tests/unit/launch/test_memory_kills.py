"""Counting the kernel's kills for memory, in both versions of cgroups and in a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.launch.memory_kills import MemoryKills

PID = 7
V2 = "low 0\nhigh 0\nmax 12\noom 1\noom_kill {}\noom_group_kill 0\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


class Machine:
    """A /proc and a /sys/fs/cgroup of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.root = folder / "proc", folder / "cgroup"
        (self.proc / str(PID)).mkdir(parents=True)
        self.root.mkdir()

    def place(self, *lines: str) -> None:
        (self.proc / str(PID) / "cgroup").write_text("\n".join(lines) + "\n")

    def count(self, path: str, text: str, number: int) -> None:
        counter = self.root / path
        counter.parent.mkdir(parents=True, exist_ok=True)
        counter.write_text(text.format(number))

    def kills(self) -> MemoryKills:
        return MemoryKills(PID, self.root, self.proc)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("membership", "path", "text"),
    [
        ("0::/pod/main", "pod/main/memory.events", V2),
        ("0::/", "memory.events", V2),
        ("0::/of/the/host", "memory.events", V2),  # a container that sees only its own
        ("0::/pod", "unified/pod/memory.events", V2),
        ("4:memory:/pod", "memory/pod/memory.oom_control", V1),
        ("4:memory:/of/the/host", "memory/memory.oom_control", V1),
    ],
)
def test_a_kill_is_seen_by_the_count(
    membership: str, path: str, text: str, machine: Machine
) -> None:
    """Kills from before the process do not count, whichever version of cgroups there is."""
    machine.place("3:cpuset:/elsewhere", membership)
    machine.count(path, text, 3)
    kills = machine.kills()
    assert not kills.happened()
    machine.count(path, text, 4)
    assert kills.happened()


def test_a_process_that_moves_is_followed(machine: Machine) -> None:
    """Its shell may put itself into another cgroup before it becomes the program."""
    machine.place("0::/first")
    machine.count("first/memory.events", V2, 0)
    machine.count("second/memory.events", V2, 9)
    kills = machine.kills()
    machine.place("0::/second")
    kills.look()
    assert not kills.happened()
    machine.count("second/memory.events", V2, 10)
    assert kills.happened()


def test_nothing_is_known_where_nothing_can_be_read(machine: Machine) -> None:
    """No cgroup, no counter, or one that is no number: no kill is claimed."""
    assert not MemoryKills(PID + 1, machine.root, machine.proc).happened()
    machine.place("0::/pod")
    machine.count("pod/memory.events", "oom_kill many\n", 0)
    kills = machine.kills()
    kills.look()
    assert not kills.happened()
