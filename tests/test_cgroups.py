"""A test's cgroup leaves the one above it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cgroups import group_below, handing_down
from tests.machine import needs_root


def _not_handed_down() -> Iterator[tuple[Path, str]]:
    """Groups of version 2 and the controllers that those below them do not have."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        if kind == "cgroup2":
            there = Path(mount, "cgroup.controllers").read_text().split()
            given = Path(mount, "cgroup.subtree_control").read_text().split()
            yield from ((Path(mount), each) for each in there if each not in given)


@pytest.mark.root
@needs_root
def test_a_controller_is_handed_down_for_as_long_as_it_takes() -> None:
    """A group below has it, and the one above no longer gives it once that is gone."""
    for base, controller in _not_handed_down():
        file = base / "cgroup.subtree_control"
        try:
            with group_below(base, controller) as folder:
                assert controller in (folder / "cgroup.controllers").read_text().split()
        except OSError:  # it may not be handed down here
            continue
        assert controller not in file.read_text().split()
        return
    pytest.skip("no controller of version 2 can be handed down here")


def test_a_controller_that_was_handed_down_already_stays_so(tmp_path: Path) -> None:
    """Nothing is written then, and nothing taken back: other groups count on it."""
    file = tmp_path / "cgroup.subtree_control"
    file.write_text("cpu pids\n")
    with handing_down(tmp_path, "pids"):
        assert file.read_text() == "cpu pids\n"
    assert file.read_text() == "cpu pids\n"
