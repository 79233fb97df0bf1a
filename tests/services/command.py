"""The `reporter` command in processes of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_for

Completed = subprocess.CompletedProcess[str]
COMMAND = [sys.executable, "-m", "reporter.cli"]


def reporter(*arguments: str | Path, folder: Path | None = None, **environment: str) -> Completed:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Up:
    """`reporter up` in a process of its own; what it printed is in `output`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log
        wait_for(lambda: self.url or process.poll() is not None, what="the hub to listen")

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def url(self) -> str:
        """Where it says that it listens."""
        found = re.search(r"listens on (\S+)", self.output)
        return found[1] if found and "Ctrl-C" in self.output else ""


@contextmanager
def hub(folder: Path, *arguments: str) -> Iterator[Up]:
    """A hub on a free port, surely gone afterwards."""
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "up", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Up(process, log)
    finally:
        process.kill()
        process.wait()
