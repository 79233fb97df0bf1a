"""Who may write a record: one process at a time, by a lock that its death releases."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from reporter.record.paths import RunPaths

# O_NONBLOCK: a pipe in a file's place must not keep a reader waiting.
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FIRST_FREE = 3
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# Whoever asks `is_held` holds a shared lock for a moment, which must not turn a writer away.
_MOMENT, _PAUSE = 0.05, 0.01  # seconds


class RecordHeld(OSError):
    """Another process writes this record."""


def open_file(path: str, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """A descriptor that no link redirects, no child inherits and no other user reads."""
    descriptor = os.open(path, flags | _OPEN, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", path)
    return descriptor


def close_file(descriptor: int) -> None:
    """Closes it, whatever the disk says to that: what is safe, a sync has told."""
    try:
        os.close(descriptor)
    except OSError:  # some network file systems say here that a write has failed
        pass


def make_folders(paths: RunPaths) -> None:
    """The folders of a record, for nobody but its user."""
    missing, folder = [], os.path.abspath(paths.folder)
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(missing):
        _make_folder(folder)
        if folder == os.path.abspath(paths.base):
            _hide_from_git(folder)


def hold(paths: RunPaths, within: float = _MOMENT) -> int:
    """Opens and locks events.jsonl; the descriptor, and each heir of it, is the lock.

    Raises RecordHeld if another process has it all that time. Where the file system knows no locks
    (some NFS and Lustre mounts) the record is held without one.
    """
    make_folders(paths)
    descriptor = open_file(paths.events)
    if descriptor < _FIRST_FREE:  # a child's standard stream would take its place
        low, descriptor = descriptor, fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
        close_file(low)
    try:
        _lock(descriptor, fcntl.LOCK_EX, within)
    except BlockingIOError as error:
        close_file(descriptor)
        raise RecordHeld(errno.EAGAIN, "another process writes this record", paths.folder) from (
            error
        )
    except BaseException:
        close_file(descriptor)
        raise
    return descriptor


def release(descriptor: int) -> None:
    """Gives the record up, for every heir of the descriptor."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:  # no locks here, so there is nothing to give up
        pass


def is_held(folder: str) -> bool:
    """Whether a live process writes the record in this folder."""
    try:
        descriptor = open_file(RunPaths.of_folder(folder).events, os.O_RDONLY)
    except OSError:
        return False
    try:
        _lock(descriptor, fcntl.LOCK_SH, within=0)
    except BlockingIOError:
        return True
    finally:
        close_file(descriptor)
    return False


def _lock(descriptor: int, kind: int, within: float) -> None:
    until = time.monotonic() + within
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            raise
        time.sleep(_PAUSE)


def _make_folder(folder: str) -> None:
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:  # another rank was faster
        pass


def _hide_from_git(base: str) -> None:
    """Records inside a repository would make every run say that it has changes."""
    try:
        descriptor = open_file(os.path.join(base, ".gitignore"), os.O_WRONLY | os.O_CREAT)
    except OSError:
        return
    with open(descriptor, "wb") as file:
        file.write(b"*\n")
