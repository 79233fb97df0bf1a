"""Runs something that waits, for a caller that awaits: in a thread of its own."""

from __future__ import annotations

import threading

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable


async def in_thread(call: Callable[[], object]) -> None:
    """Await a call. Not in the loop's own threads: a user may have filled them with work."""
    import asyncio  # noqa: PLC0415 - whoever awaits has loaded it

    loop, done = asyncio.get_running_loop(), asyncio.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failed.append(error)
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=work, name="reporter", daemon=True).start()
    # Shielded: the run has ended even if whoever awaits it is cancelled a second time.
    await asyncio.shield(done.wait())
    if failed:
        raise failed[0]
