"""What an exception that Lightning caught means for the run, where it ends the program itself."""

from __future__ import annotations

_TERMINATED = 128 + 15


def caught(error: BaseException | None) -> BaseException | None:
    """What the run's end should be told by; None where the scope will see it as it is.

    On Ctrl-C Lightning leaves with code 1, on SIGTERM with an exit that has no code at all.
    """
    if isinstance(error, KeyboardInterrupt):
        return error
    if isinstance(error, SystemExit) and type(error).__name__ == "SIGTERMException":
        return SystemExit(_TERMINATED)
    return None
