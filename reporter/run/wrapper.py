"""Talks to the `reporter run` above this process, if there is one: whose run it is, how it ended.

Packets of JSON over a socket that has no file. Used by the trainer and by its sender.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# No setting: `reporter run` alone gives it, as four words with slashes between. Where it listens,
# which everybody on the machine can see; a key, which only its own processes can; and when the
# launcher above it and it itself started, by which ranks of one launch find each other.
VARIABLE = "_REPORTER_WRAPPER"
LONGEST = 16 << 10
_ANSWERS_WITHIN = 3.0  # a wrapper that is stopped must not keep training waiting for longer


def take_run(
    environment: Mapping[str, str], rank: int, gateway: str | None = None
) -> dict[str, Any] | None:
    """The run that waits for a Reporter of this rank; None if there is none, or it is taken.

    Once this has returned, the wrapper has let go of it. Another `gateway` than its own makes it
    take the run away from there.
    """
    line = Line(environment.get(VARIABLE, ""), {"take": rank, "gateway": gateway})
    answer = line.heard(_ANSWERS_WITHIN)
    line.hang_up()
    found = (answer or {}).get("run")
    if not isinstance(found, dict) or not isinstance(found.get("group"), dict):
        return None
    texts = ("id", "name", "token", "project", "dir")
    return found if all(isinstance(found.get(name), str) for name in texts) else None


def launch_started(environment: Mapping[str, str], parent_started: int) -> int:
    """When the launcher of this process started, which is its parent but for a wrapper between."""
    launcher, _, wrapper = environment.get(VARIABLE, "").rpartition("/")
    launcher = launcher.rpartition("/")[2]
    if wrapper == str(parent_started) and launcher.isdecimal():
        return int(launcher)
    return parent_started


class Line:
    """A connection to the wrapper, which is told something; without a wrapper a dead one."""

    def __init__(self, wrapper: str, told: dict[str, Any]) -> None:
        """`wrapper` is what the variable holds, or nothing."""
        name, _, rest = wrapper.partition("/")
        key = rest.partition("/")[0]
        self._socket = _connected(name) if name else None
        if self._socket is not None:
            try:
                self._socket.send(json.dumps({**told, "key": key}).encode("ascii"))
            except OSError:
                self.hang_up()

    @property
    def open(self) -> bool:
        """Whether the wrapper may still say something."""
        return self._socket is not None

    def heard(self, within: float = 0.0) -> dict[str, Any] | None:
        """What the wrapper said; None if it has not, in that time."""
        if self._socket is None:
            return None
        self._socket.settimeout(within)
        try:
            raw = self._socket.recv(LONGEST)
        except (BlockingIOError, TimeoutError):
            return None
        except OSError:
            raw = b""
        if not raw:  # it is gone
            self.hang_up()
            return None
        try:
            found = json.loads(raw)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def hang_up(self) -> None:
        """The wrapper waits for us no longer."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connected(name: str) -> Any:
    # Not `socket`: a user's own socket.py may shadow it.
    import _socket  # noqa: PLC0415 - only below a wrapper

    try:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    except (AttributeError, OSError):
        return None
    try:
        connection.settimeout(_ANSWERS_WITHIN)
        connection.connect(f"\0{name}")
        raw = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        # The name may be somebody else's by now, and whoever answers is believed.
        if int.from_bytes(raw[4:8], sys.byteorder) in (0, os.getuid()):
            return connection
    except OSError:
        pass
    connection.close()
    return None
