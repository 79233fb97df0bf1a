"""The `reporter` command; where its extra is missing, it says what to install."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_NEEDED = ("rich", "starlette", "typer", "uvicorn")
_INSTALL = "The reporter command needs the extra: pip install 'run-reporter[cli]'"


def main() -> int:
    """Run the command that this process's arguments name. Returns the exit code."""
    if sys.argv[1:] == ["--version"]:
        from reporter.run import __version__  # noqa: PLC0415 - only this needs it

        sys.stdout.write(f"run-reporter {__version__}\n")
        return 0
    if sys.argv[1:2] == ["run"]:
        _hold_signals()  # first of all: PID 1 loses those that nobody waits for
        from reporter.cli.run import run as run_program  # noqa: PLC0415 - needs no extra

        return run_program(sys.argv[2:])
    if any(find_spec(name) is None for name in _NEEDED):
        sys.stderr.write(_INSTALL + "\n")
        return 2
    from reporter.cli.app import run  # noqa: PLC0415 - only now is it known to be there

    return run()


def _hold_signals() -> None:
    import signal  # noqa: PLC0415 - only this needs it so early

    if hasattr(signal, "pthread_sigmask"):
        stops = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
