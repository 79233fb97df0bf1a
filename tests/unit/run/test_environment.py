"""What a run ran with: found where it can be, never with a secret, never by running its code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.run.environment import _places, collect, scrubbed

CANARY = "c4n4ry-Zx9"


@pytest.mark.parametrize(
    "argv",
    [
        [f"--api-key={CANARY}"],
        [f"--api_key={CANARY} and {CANARY}"],
        ["--hf-token", CANARY],
        ["-password", f"-{CANARY}"],
        [f"WANDB_API_KEY={CANARY}"],
        [f"+model.secret={CANARY}"],
        ["--env", f"AWS_SECRET_ACCESS_KEY={CANARY}"],
        [f"--env=AWS_SECRET_ACCESS_KEY={CANARY}"],
        [f"--dsn=postgres://me:{CANARY}@host/db"],
        [f"https://{CANARY}@host/path"],
        [f"pg://me:a/b@{CANARY}@host/db"],
        [f"https://host/data?x=1&access_token={CANARY}&y=2"],
        ["-H", f"Authorization: Bearer {CANARY}"],
        ["-H", f"X: basic {CANARY}"],
        ["-c", f"export PASSWD='{CANARY} {CANARY}'; python train.py --auth {CANARY} --lr 1"],
        [f'{{"credentials": "{CANARY} {CANARY}", "lr": 1}}'],
        [f'{{"tokens": ["{CANARY}", "{CANARY}"]}}'],
        [f"--passphrase:{CANARY}"],
        [f"PWD={CANARY}", f"Authorization={CANARY}"],
        ["x " * 2034 + f"https://me:{CANARY}{'z' * 100}@host"],
    ],
)
def test_secrets_are_hidden(argv: list[str]) -> None:
    """In every form that a command line gives a secret."""
    assert CANARY not in " ".join(scrubbed(["train.py", *argv, "--lr", "0.1"]))
    assert scrubbed(["train.py", *argv, "--lr", "0.1"])[-2:] == ["--lr", "0.1"]


def test_what_is_no_secret_is_shown() -> None:
    """A command is worth recording only if it can be read."""
    argv = ["train.py", "--lr=0.1", "--tokenizer", "bert", "--author", "me", "data/keys/a.txt"]
    argv += ["--use-auth", "--epochs", "3", "https://host/path?x=1", "s3://bucket/a@b", "x=1"]
    assert scrubbed(argv) == argv


@given(st.text())
def test_a_value_behind_a_secret_option_is_never_shown(text: str) -> None:
    """Whatever the value is, unless it is the next option."""
    secret = f"{CANARY}{text}"
    assert CANARY not in "".join(scrubbed(["--token", secret, f"--key={secret}"]))


def test_a_command_is_bounded_in_size_and_time() -> None:
    """However long, and however built to make patterns search for ever."""
    pieces = ["a://", "key", "key=", "a:", "-", "x", '"', "bearer ", "-key ", 'key="', "[", "@a://"]
    shown = scrubbed([piece * 100_000 for piece in pieces] + ["x"] * 1000)
    assert len(shown) == 256
    assert max(map(len, shown)) <= 4096


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clean repository with one commit on the branch `trunk`."""
    folder = tmp_path / "code"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "train.py").write_text("print(1)\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def git_facts(cwd: Path, script: str = "train.py") -> dict[str, Any]:
    found = collect([script], str(cwd), []).get("git", {})
    assert isinstance(found, dict)
    return found


def test_the_state_of_the_code_is_found(repository: Path) -> None:
    """Commit, branch and tree, as git says them."""
    assert git_facts(repository) == {
        "commit": git(repository, "rev-parse", "HEAD"),
        "branch": "trunk",
        "tree": git(repository, "rev-parse", "HEAD^{tree}"),
        "dirty": False,
    }


@pytest.mark.parametrize("change", ["staged", "changed", "untracked", "removed"])
def test_every_change_counts(repository: Path, change: str) -> None:
    """Staged and untracked ones too: the commit alone does not say what ran."""
    if change == "untracked":
        (repository / "new.py").write_text("2")
    elif change == "removed":
        (repository / "train.py").unlink()
    else:
        (repository / "train.py").write_text("print(2)\n")
        if change == "staged":
            git(repository, "add", ".")
    assert git_facts(repository)["dirty"] is True


def test_a_remote_is_shown_without_its_password(repository: Path) -> None:
    """A token in a URL is the most common secret of a repository."""
    git(repository, "remote", "add", "origin", f"https://me:{CANARY}@host/team/code.git")
    assert git_facts(repository)["remote"] == "https://***@host/team/code.git"


def test_pieces_that_are_absent_are_left_out_alone(repository: Path, tmp_path: Path) -> None:
    """A detached commit has no branch; a new repository has a branch and no commit."""
    git(repository, "checkout", "-q", "--detach")
    assert set(git_facts(repository)) == {"commit", "tree", "dirty"}
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git(fresh, "init", "-q", "-b", "trunk")
    assert git_facts(fresh) == {"branch": "trunk", "dirty": False}


def test_the_scripts_folder_is_asked_too(repository: Path, tmp_path: Path) -> None:
    """A script is often started from elsewhere."""
    assert git_facts(tmp_path) == {}
    assert git_facts(tmp_path, script=str(repository / "train.py"))["branch"] == "trunk"
    assert git_facts(tmp_path, script="code/train.py")["branch"] == "trunk"


def test_a_repository_cannot_run_anything(repository: Path, tmp_path: Path) -> None:
    """Its settings name programs; asking about it starts none of them."""
    ran = tmp_path / "ran"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\necho ran >> {ran}\ncat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "attributes")
    (repository / ".git" / "hooks" / "post-index-change").write_text(program.read_text())
    (repository / ".git" / "hooks" / "post-index-change").chmod(0o755)
    for setting in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "core.pager"):
        git(repository, "config", setting, str(program))
    for setting in ("diff.evil.textconv", "diff.external", "core.sshCommand", "alias.status"):
        git(repository, "config", setting, f"!{program}")
    subprocess.run(["git", "status"], cwd=repository, capture_output=True, check=False)
    assert ran.exists(), "git itself should have run one of them, else this proves nothing"
    ran.unlink()
    (repository / "train.py").write_text("print(9)\n")
    assert git_facts(repository)["dirty"] is True
    assert not ran.exists()


def test_an_inherited_git_environment_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run started from a git hook still tells about its own folder."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert git_facts(repository)["branch"] == "trunk"


def test_asking_changes_nothing(repository: Path) -> None:
    """Not even the index is refreshed: somebody may be using it."""
    os.utime(repository / "train.py", (1, 1))
    before = (repository / ".git" / "index").read_bytes()
    git_facts(repository)
    assert (repository / ".git" / "index").read_bytes() == before


def test_no_fact_takes_the_others_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, without a working folder, with broken packages: the rest is there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\0")
    good = tmp_path / "good-2.5.dist-info"
    good.mkdir()
    (good / "METADATA").write_text("Metadata-Version: 2.1\nName: good\nVersion: 2.5\n")
    found = collect(["train.py"], str(tmp_path / "gone"), [str(tmp_path), "/nowhere"])
    assert "git" not in found
    assert found["packages"] == {"good": "2.5"}
    assert found["command"] == ["train.py"]
    for fact in ("python", "implementation", "host", "system", "cpus", "memory_bytes", "user_id"):
        assert found[fact] or fact == "user_id"


def test_the_first_package_on_the_path_counts(tmp_path: Path) -> None:
    """As it does for an import."""
    for folder, version in (("first", "1"), ("second", "2")):
        info = tmp_path / folder / f"pack-{version}.dist-info"
        info.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: pack\nVersion: {version}\n"
        (info / "METADATA").write_text(text)
    path = [str(tmp_path / "first"), str(tmp_path / "second")]
    assert collect([], str(tmp_path), path)["packages"] == {"pack": "1"}


def test_the_interpreter_is_not_the_script(tmp_path: Path) -> None:
    """Its own folder may lie in a repository that has nothing to do with the run."""
    script = tmp_path / "train" / "train.py"
    script.parent.mkdir()
    script.touch()
    python = tmp_path / "elsewhere" / "python3.11"
    python.parent.mkdir()
    python.touch()
    here = str(tmp_path)
    assert _places([str(python), "-u", "train/train.py", "--lr", "1"], here) == [
        here,
        str(script.parent),
    ]
    assert _places([str(python), "-m", "train"], here) == [here]
    assert _places([str(script)], here) == [here, str(script.parent)]
    assert _places([], here) == [here]
