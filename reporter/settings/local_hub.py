"""Where the local hub is found: the file that `reporter up` leaves for scripts on this machine."""

from __future__ import annotations

import json
import os
import sys


def runtime_folder() -> str:
    """The user's own folder for things that live as long as a login or the machine."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given:
        return os.path.join(given, "run-reporter")
    own = getattr(os, "getuid", lambda: 0)()
    if os.path.isdir(f"/run/user/{own}"):
        return f"/run/user/{own}/run-reporter"
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"run-reporter-{own}")  # noqa: S108


def discovery_file() -> str:
    return os.path.join(runtime_folder(), "hub.json")


def announce(url: str) -> str:
    """Let scripts of this user find the hub at `url`. Returns the file to remove at the end."""
    path = discovery_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    if not _own_and_private(os.path.dirname(path)):
        raise PermissionError(
            f"{os.path.dirname(path)} is not yours alone: remove it or set XDG_RUNTIME_DIR"
        )
    pid = os.getpid()
    found = {"url": url, "pid": pid, "started": start_ticks(pid)}
    part = f"{path}.{pid}"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(part, path)
    return path


def withdraw() -> None:
    """Remove the discovery file, if this process wrote it."""
    found = _read()
    if found is not None and found.get("pid") == os.getpid():
        try:
            os.unlink(discovery_file())
        except FileNotFoundError:
            pass


def find() -> str | None:
    """The URL of the running local hub of this user, or None."""
    found = _read()
    if found is None:
        return None
    pid, started, url = found.get("pid"), found.get("started"), found.get("url")
    if not (isinstance(pid, int) and isinstance(url, str) and isinstance(started, int)):
        return None
    if start_ticks(pid) != started:
        return None
    return url


def start_ticks(pid: int) -> int | None:
    """When a process started, so that a PID used again is not taken for it; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return None if sys.platform == "linux" or not _alive(pid) else 0
    except (OSError, ValueError, IndexError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _read() -> dict[str, object] | None:
    path = discovery_file()
    try:
        if not _own_and_private(path):
            return None
        with open(path, encoding="utf-8") as file:
            found = json.loads(file.read(4096))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _own_and_private(path: str) -> bool:
    facts = os.stat(path, follow_symlinks=False)
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o077
