"""Which of the interpreters that lie about is taken for a version."""

from __future__ import annotations

from pathlib import Path

from tests.interpreters import newest


def _python(folder: Path, says: str) -> Path:
    script = folder / f"python-{says.split(maxsplit=1)[0]}-{len(list(folder.iterdir()))}"
    script.write_text(f"#!/bin/sh\necho {says} $0\n")
    script.chmod(0o755)
    return script


def test_the_newest_that_runs_is_taken(tmp_path: Path) -> None:
    """By number, not by name; what is absent, broken or of another version is passed over."""
    ninth = _python(tmp_path, f"3.12 {0x030C09F0}")
    tenth = _python(tmp_path, f"3.12 {0x030C0AF0}")
    first_of_next = _python(tmp_path, f"3.13 {0x030D00F0}")
    without_gil = _python(tmp_path, f"3.12t {0x030C0BF0}")
    broken = _python(tmp_path, "3.12; exit 1;")
    absent = tmp_path / "absent"
    there: list[str | Path] = [absent, tenth, ninth, first_of_next, without_gil, broken, ""]
    assert newest("3.12", there) == newest("3.12", reversed(there)) == str(tenth)
    assert newest("3.12t", there) == str(without_gil)
    assert newest("3.14", there) is None


def test_a_release_is_newer_than_its_candidates(tmp_path: Path) -> None:
    """Though the candidate's name sorts behind it."""
    release = _python(tmp_path, f"3.14 {0x030E00F0}")
    candidate = _python(tmp_path, f"3.14 {0x030E00C2}")
    assert newest("3.14", [candidate, release]) == str(release)
