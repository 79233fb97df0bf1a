"""The record on its way to the disk: what was asked for last is done before the sender leaves."""

from __future__ import annotations

import threading

from reporter.sender.syncer import Syncer
from tests.waiting import wait_for


def test_d11_a_sync_that_is_owed_keeps_the_sender() -> None:
    """The last sync of a run comes after its end, though another one is just under way."""
    go_on, begun = threading.Event(), []

    def sync() -> None:
        begun.append(True)
        assert go_on.wait(10)

    syncer = Syncer(sync)
    syncer.turn()
    wait_for(lambda: begun, what="the first sync")
    syncer.soon()
    syncer.turn()
    go_on.set()
    wait_for(lambda: not syncer._runs(), what="the first sync to end")
    assert syncer.busy, "the second one is owed"
    syncer.turn()
    wait_for(lambda: not syncer.busy, what="the second sync")
    assert len(begun) == 2
