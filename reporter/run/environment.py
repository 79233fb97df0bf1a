"""What a run ran with: its command without secrets, git, packages and the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

from reporter.run.cluster import cluster

_HIDDEN = "***"
_ARGUMENTS, _ARGUMENT_LENGTH = 256, 4096
_LOOKED_AT = 4 * _ARGUMENT_LENGTH  # a secret that is cut in two is no longer recognised
_PACKAGES = 2000
_GIT_SECONDS = 2.0

# Rather one harmless value too many than one secret: only what every second training script
# has (`--tokenizer`, `--author`) is left alone. Nothing here may backtrack over a long text.
_TELLTALE = r"token(?!iz)|key|passw|passphrase|pwd|secret|credential|auth(?!or(?!i))"
_NAME = rf"(?<![\w.\-])(?=[\w.\-]*?(?:{_TELLTALE}))[\w.\-]++"
_OPTION = re.compile(rf"(?=-){_NAME}", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"(\+*+{_NAME}\s*+[=:]).+", re.IGNORECASE | re.DOTALL)
_LONG_OPTION = re.compile(r"--[A-Za-z]")
_USERINFO = re.compile(
    r"((?<![\w+.\-])[\w+.\-]{1,32}+://)(?:[^/\s@]{0,1024}:[^\s]{0,4096}@|[^/\s@]{0,4096}@)"
)
_SCHEME_AND_TOKEN = re.compile(r"\b(bearer|basic)\s++[^\s\"']+", re.IGNORECASE)
_VALUE = r"(?:\[[^\]]*+\]?|\"[^\"]*+\"?|'[^']*+'?|[^\s&,;\"']++)"
_WITHIN = re.compile(rf"({_NAME}[\"']?\s*+[=:]\s*+|(?<!\S)(?=-){_NAME}\s++){_VALUE}", re.IGNORECASE)

# A repository is somebody else's data: none of its settings may start a program.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_GIT_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}


def collect(argv: list[str], cwd: str, import_path: list[str]) -> dict[str, Any]:
    """The facts that could be found; one that fails is left out, alone."""
    questions: dict[str, Callable[[], Any]] = {
        "command": lambda: scrubbed(argv),
        "git": lambda: _git_facts(_places(argv, cwd)),
        "packages": lambda: _packages(import_path),
        "python": platform.python_version,
        "implementation": platform.python_implementation,
        "host": lambda: os.uname().nodename,
        "system": lambda: f"{os.uname().sysname} {os.uname().release} {os.uname().machine}",
        "distribution": lambda: platform.freedesktop_os_release().get("PRETTY_NAME"),
        "cpus": os.cpu_count,
        "usable_cpus": lambda: len(os.sched_getaffinity(0)),
        "memory_bytes": lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "user_id": os.getuid,
        "cluster": lambda: cluster(os.environ),
    }
    return _answers(questions)


def scrubbed(argv: Sequence[str]) -> list[str]:
    """A command line that may be shown: whatever looks like a secret is hidden, bounded."""
    shown: list[str] = []
    value_of_secret = False
    for argument in argv[:_ARGUMENTS]:
        if value_of_secret and not _LONG_OPTION.match(argument):
            shown.append(_HIDDEN)
            value_of_secret = False
            continue
        shown.append(_scrubbed_text(argument[:_LOOKED_AT])[:_ARGUMENT_LENGTH])
        value_of_secret = _OPTION.fullmatch(argument) is not None
    return shown


def _scrubbed_text(text: str) -> str:
    if assignment := _ASSIGNMENT.fullmatch(text):
        return assignment[1] + _HIDDEN
    text = _USERINFO.sub(rf"\1{_HIDDEN}@", text)
    text = _SCHEME_AND_TOKEN.sub(rf"\1 {_HIDDEN}", text)
    return _WITHIN.sub(rf"\1{_HIDDEN}", text)


def _answers(questions: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fact, ask in questions.items():
        try:
            answer = ask()
        except Exception:  # noqa: BLE001, S112 - no fact is worth losing the others
            continue
        if answer is not None and answer != {}:
            found[fact] = answer
    return found


def _places(argv: list[str], cwd: str) -> list[str]:
    folders = (cwd, os.path.dirname(_script(argv, cwd)))
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]


def _script(argv: list[str], cwd: str) -> str:
    """The file that was run; not the interpreter, which may well lie in somebody's repository."""
    interpreted = bool(argv) and os.path.basename(argv[0]).startswith("python")
    words = argv[1:_ARGUMENTS] if interpreted else argv[:1]
    paths = (os.path.join(cwd, word) for word in words)
    return next((path for path in paths if os.path.isfile(path)), "")


def _git_facts(folders: list[str]) -> dict[str, Any]:
    folder = next((each for each in folders if _git(each, "rev-parse", "--git-dir")), None)
    if folder is None:
        return {}
    return _answers(
        {
            "commit": lambda: _git(folder, "rev-parse", "--verify", "-q", "HEAD"),
            "branch": lambda: _git(folder, "symbolic-ref", "--short", "-q", "HEAD"),
            "tree": lambda: _git(folder, "rev-parse", "--verify", "-q", "HEAD^{tree}"),
            "dirty": lambda: _dirty(folder),
            "remote": lambda: _remote(folder),
        }
    )


def _dirty(folder: str) -> bool | None:
    found = _git(
        folder, *_without_filters(folder), "status", "--porcelain", "--ignore-submodules=dirty"
    )
    return None if found is None else bool(found)


def _without_filters(folder: str) -> list[str]:
    """Options that keep the repository's own filters from being run over changed files."""
    scoped = _git(folder, "config", "--show-scope", "--name-only", "--get-regexp", r"^filter\.")
    options = []
    for line in (scoped or "").splitlines():
        scope, _, name = line.partition("\t")
        if scope not in ("system", "global"):  # Git LFS is installed there, by the user
            options += ["-c", f"{name}={'false' if name.endswith('.required') else ''}"]
    return options


def _remote(folder: str) -> str | None:
    url = _git(folder, "config", "--get", "remote.origin.url")
    return _scrubbed_text(url[:_LOOKED_AT])[:_ARGUMENT_LENGTH] if url else None


def _git(folder: str, *arguments: str) -> str | None:
    """What git says, or None where it says nothing, fails or takes too long."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            cwd=folder,
            env=environment | _GIT_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()


def _packages(import_path: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in metadata.distributions(path=import_path):
        if len(found) >= _PACKAGES:
            break
        try:
            name, version = distribution.metadata["Name"], distribution.version
        except Exception:  # noqa: BLE001, S112 - one broken package among hundreds
            continue
        if name and version:
            found.setdefault(name, version)
    return dict(sorted(found.items()))
