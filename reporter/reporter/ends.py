"""How a run ended: the state and reason behind an exception, or behind the lack of one."""

from __future__ import annotations

import sys

from reporter.names import State

End = tuple[State, str, str]
# 128 and the signal's number: how a program says that it ends because it was told to.
_STOPPED = {130: (State.CANCELLED, "interrupt"), 143: (State.CANCELLED, "terminated")}


def end_of(error: BaseException | None) -> End:
    """What leaving a scope with this exception says about the run."""
    if error is None:
        return State.SUCCEEDED, "returned", ""
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return State.SUCCEEDED, "returned", ""
        code = error.code if isinstance(error.code, int) else 1
        return *_STOPPED.get(code, (State.FAILED, "exit_code")), str(code)
    if isinstance(error, KeyboardInterrupt) or _is_cancellation(error):
        return State.CANCELLED, "interrupt", type(error).__name__
    return State.FAILED, "exception", type(error).__name__


def end_of_interpreter() -> End:
    """What the interpreter's end says about a run that nobody left.

    It shows an uncaught exception, and not the code of a `sys.exit`.
    """
    handling = sys.exc_info()[1]  # a child of multiprocessing ends inside its handler
    if handling is not None:
        return end_of(handling)
    if hasattr(sys, "ps1") or sys.flags.interactive:  # there the last exception may be old
        return end_of(None)
    return end_of(getattr(sys, "last_value", None))


def _is_cancellation(error: BaseException) -> bool:
    # asyncio is not imported for this: where it is not loaded, nothing was cancelled.
    asyncio = sys.modules.get("asyncio")
    cancelled = getattr(asyncio, "CancelledError", None)
    return cancelled is not None and isinstance(error, cancelled)
