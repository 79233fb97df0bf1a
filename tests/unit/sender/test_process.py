"""Where the sender looks for modules: where the trainer does, less what could shadow anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reporter
from reporter.sender.process import import_path

OWN = os.path.dirname(os.path.dirname(os.path.abspath(reporter.__file__)))


def test_the_empty_and_the_working_folder_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the working folder is spelt: a queue.py that lies there shadows nothing."""
    work, library, link = tmp_path / "work", tmp_path / "library", tmp_path / "link"
    work.mkdir()
    library.mkdir()
    link.symlink_to(work)
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "path", ["", str(work), ".", str(link), str(library), "../library"])
    assert import_path() == [str(library), str(library), OWN]


def test_our_own_folder_comes_last_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies beside the library must not shadow what the trainer would find."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [OWN, "/usr/lib/x", OWN, "relative"])
    assert import_path() == ["/usr/lib/x", str(tmp_path / "relative"), OWN]


def test_our_own_folder_is_there_even_where_it_would_be_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A checkout in the working folder, as in this repository: the sender must find itself."""
    monkeypatch.chdir(OWN)
    monkeypatch.setattr(sys, "path", ["", OWN, "/usr/lib/x"])
    assert import_path() == ["/usr/lib/x", OWN]


def test_b8_the_scripts_folder_is_left_out(tmp_path: Path) -> None:
    """The sender looks for modules neither in the script's nor in the working folder."""
    script = tmp_path / "scripts" / "train.py"
    script.parent.mkdir()
    script.write_text(
        f"import sys, json; sys.path.append({OWN!r})\n"
        "from reporter.sender.process import import_path\n"
        "print(json.dumps([sys.path, import_path()]))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], cwd="/", capture_output=True, text=True, check=True
    )
    before, after = json.loads(done.stdout)
    assert before[0] == str(script.parent)
    assert str(script.parent) not in after
    assert after[-1] == OWN
    assert set(after) >= {path for path in before[1:] if path}


def test_a_working_folder_that_is_gone_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scratch folder may be removed under a running job."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["", "/usr/lib/x"])
    assert import_path() == ["/usr/lib/x", OWN]
