"""Files as the kernel shows them of cgroups: a /proc and mounted hierarchies of a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reporter.sender.machine.cgroup import Cgroups

PID = 7


class Groups:
    """Where a process is, what is mounted, and what each group says of itself."""

    def __init__(self, folder: Path) -> None:
        self._proc, self._root = folder / "proc", folder / "mounted"
        for name in ("self", str(PID)):
            (self._proc / name).mkdir(parents=True)
        self._mounts = ["23 1 0:1 / / rw - ext4 /dev/root rw"]

    def process_in(self, *lines: str) -> None:
        """The lines of its file `cgroup`."""
        (self._proc / str(PID) / "cgroup").write_text("\n".join(lines) + "\n")

    def mounts(self, place: str, controllers: str = "", root: str = "/") -> None:
        """A hierarchy, of version 2 where no controllers are named; `root`: what is seen of it."""
        kind, options = ("cgroup", f"rw,{controllers}") if controllers else ("cgroup2", "rw")
        at = self._root / place
        at.mkdir(parents=True, exist_ok=True)
        self._mounts.append(f"31 23 0:28 {root} {at} rw,nosuid shared:9 - {kind} {kind} {options}")

    def says(self, group: str, files: Mapping[str, object]) -> None:
        """What is in the files of a group."""
        folder = self._root / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(f"{text}\n")

    def found(self) -> Cgroups:
        (self._proc / "self" / "mountinfo").write_text("\n".join(self._mounts) + "\n")
        return Cgroups(PID, str(self._proc))
