"""The file by which scripts find this user's local hub, and everything that makes it worthless."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.settings import local_hub

URL = "http://127.0.0.1:9091"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of this test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "run-reporter"


def rewrite(**fields: object) -> None:
    path = Path(local_hub.discovery_file())
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_what_is_announced_is_found_until_it_is_withdrawn(folder: Path) -> None:
    """Only its owner can read it."""
    assert local_hub.find() is None
    path = local_hub.announce(URL)
    assert path == local_hub.discovery_file() == str(folder / "hub.json")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert local_hub.find() == URL
    assert os.listdir(folder) == ["hub.json"]
    local_hub.withdraw()
    assert local_hub.find() is None
    local_hub.withdraw()


def test_a_second_announcement_replaces_the_first(folder: Path) -> None:
    """The newest hub is the one that is found."""
    local_hub.announce(URL)
    local_hub.announce("http://127.0.0.1:2")
    assert local_hub.find() == "http://127.0.0.1:2"


def test_only_its_own_announcement_is_withdrawn(folder: Path) -> None:
    """A hub that ends must not hide its successor."""
    local_hub.announce(URL)
    rewrite(pid=os.getppid(), started=local_hub.start_ticks(os.getppid()))
    local_hub.withdraw()
    assert local_hub.find() == URL


def test_c17_a_hub_that_is_gone_is_not_found(folder: Path) -> None:
    """A local hub whose process has ended is not found, though its number may belong to another
    process now."""
    local_hub.announce(URL)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    rewrite(pid=ended.pid)
    assert local_hub.find() is None
    rewrite(pid=os.getpid(), started=local_hub.start_ticks(os.getpid()))
    assert local_hub.find() == URL
    rewrite(started=(local_hub.start_ticks(os.getpid()) or 0) + 1)
    assert local_hub.find() is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o610])
def test_a_file_that_others_may_touch_is_ignored(folder: Path, mode: int) -> None:
    """They could send this user's runs to themselves."""
    os.chmod(local_hub.announce(URL), mode)
    assert local_hub.find() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_ignored(folder: Path) -> None:
    """Whoever wrote it is not this user."""
    os.chown(local_hub.announce(URL), 12345, -1)
    assert local_hub.find() is None


def test_a_link_to_a_good_file_is_ignored(folder: Path, tmp_path: Path) -> None:
    """It is the file itself that must be this user's alone."""
    path = Path(local_hub.announce(URL))
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    assert local_hub.find() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b"\xff\xfe",
        b"{}",
        b'{"pid": 1}',
        b"[" * 3000,
        b'{"url": 3, "pid": "x", "started": null}',
        b'{"url": "http://x", "pid": null, "started": null}',
        b'{"url": "http://x", "pid": -1, "started": null}',
        b'{"url": "http://x", "pid": 999999999, "started": null}',
        b'{"url": "http://x", "pid": 1' + b"0" * 400 + b', "started": null}',
    ],
)
def test_garbage_is_ignored(folder: Path, content: bytes) -> None:
    """A torn or foreign file costs a run nothing; a process that is not there never started."""
    Path(local_hub.announce(URL)).write_bytes(content)
    assert local_hub.find() is None
    local_hub.withdraw()


def test_an_announcement_into_a_foreign_folder_is_refused(folder: Path) -> None:
    """Where others may write, they may replace the file."""
    folder.mkdir(mode=0o755)
    os.chmod(folder, 0o777)
    with pytest.raises(PermissionError, match="is not yours alone: remove it or set XDG_RUNTIME_"):
        local_hub.announce(URL)


def test_without_a_runtime_folder_there_is_still_one_for_each_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The login's, where there is one; else one of this user's in the temporary folder."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    login = f"/run/user/{os.getuid()}"
    expected = f"{login}/run-reporter" if os.path.isdir(login) else None
    assert local_hub.runtime_folder() == (expected or str(tmp_path / f"run-reporter-{os.getuid()}"))


def test_c17_start_ticks_tell_a_process_from_its_successor() -> None:
    """A process is known by its number and the moment of its start together."""
    own = local_hub.start_ticks(os.getpid())
    assert own is not None
    assert own == local_hub.start_ticks(os.getpid())
    assert local_hub.start_ticks(999_999_999) is None
