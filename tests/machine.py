"""A machine as a test wants it: mounts, names, system calls and limits that nobody else sees.

Each of these is what to put before a command.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

_THEN = ["sh"]  # what a shell script sees as its own name, before "$@"
_NAMED = """
import os, socket, sys
socket.sethostname(sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])
"""


@cache
def works(*command: str) -> bool:
    """Whether a command can be run here, and succeeds."""
    try:
        return not subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:  # there is no such program
        return False


def mounted(*mounts: str) -> list[str]:
    """With these mounts, each said as arguments of `mount`."""
    script = "".join(f"mount {each} && " for each in mounts) + 'exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, *_THEN]


def named(host: str) -> list[str]:
    """On a machine of this name, which may be empty."""
    return ["unshare", "--uts", sys.executable, "-I", "-c", _NAMED, host]


def in_own_processes() -> list[str]:
    """In a namespace of processes, as its PID 1."""
    return ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]


def traced(into: Path, *injected: str, of: Iterable[Path] = ()) -> list[str]:
    """With system calls that fail or take their time: `fsync:error=EIO`; see strace(1).

    With `of`: those on these files only. What was done is listed in a file: `was_tampered_with`.
    """
    calls = ",".join(each.partition(":")[0] for each in injected)
    tampering = [argument for each in injected for argument in ("-e", f"inject={each}")]
    # Traced from a grandchild: the command stays the test's own child.
    quiet = ["-D", "-f", "--seccomp-bpf", "-qq", "-o", str(into)]
    files = [argument for path in of for argument in ("-P", str(path))]
    return [_strace(), *quiet, *files, "-e", f"trace={calls}", *tampering]


def was_tampered_with(into: Path) -> bool:
    """Whether any call of theirs was: a test whose fault never came has shown nothing."""
    return any(word in into.read_text() for word in ("INJECTED", "DELAYED"))


def watched(calls: str, into: Path) -> list[str]:
    """With a list of its own system calls of these names, one a line."""
    return [_strace(), "-qq", "-o", str(into), "-e", f"trace={calls}", "-e", "signal=none"]


def _strace() -> str:
    found = shutil.which("strace")
    if found and works(found, "-qq", "-o", os.devnull, "true"):
        return found
    message = "strace is not installed, or may not trace: apt-get install strace"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def tiny_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, in memory, that holds no more than `size`."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        # Lazily: a test that failed may have left files open.
        subprocess.run(["umount", "--lazy", folder], check=True)


def may_mount() -> bool:
    """Whether we may make namespaces and mount in them: not every root may, in a container."""
    return works(*in_own_processes(), "mount", "-t", "tmpfs", "none", tempfile.gettempdir())


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_root = pytest.mark.skipif(
    not may_mount(), reason="needs root that may mount and make namespaces (CAP_SYS_ADMIN)"
)
needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="there is no IPv6 on loopback here")
