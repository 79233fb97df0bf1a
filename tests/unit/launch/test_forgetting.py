"""Taking a run from a gateway on which nobody will push it any more."""

from __future__ import annotations

import pytest

from reporter.launch.forgetting import Forgetting
from reporter.settings import Settings, resolve
from tests.misbehaving import Misbehaving
from tests.waiting import wait_for

GROUP = {"job": "reporter_pod_info", "podUUID": "pod", "run": "x", "rank": "0"}
BUSY, DONE = (503,), (202,)


def _to(gateway: str, **more: object) -> Settings:
    return resolve({"gateway": gateway, **more}, {})


def test_a_gateway_that_is_busy_is_asked_again() -> None:
    """At the end at once, and never again once it is done."""
    with Misbehaving("status", [BUSY, DONE]) as gateway:
        forgetting = Forgetting(_to(gateway.url), GROUP, lambda: True)
        forgetting.begin()
        for _ in range(3):
            wait_for(lambda: not forgetting.busy, what="an answer")
            forgetting.hurry()
        assert [request.method for request in gateway.requests] == ["DELETE"] * 2


@pytest.mark.parametrize("mode", ["offline", "wanted", "stopped"])
def test_a_gateway_that_has_nothing_to_forget_hears_nothing(mode: str) -> None:
    """Offline no socket is opened; nor where somebody has the group, or takes it after all."""
    with Misbehaving("status", [DONE]) as gateway:
        settings = _to(gateway.url, mode="offline" if mode == "offline" else "online")
        forgetting = Forgetting(settings, GROUP, lambda: mode != "wanted")
        if mode == "stopped":
            forgetting.stop()
        else:
            forgetting.begin()
        wait_for(lambda: not forgetting.busy, what="the thread to end")
        forgetting.hurry()
        wait_for(lambda: not forgetting.busy, what="the thread to end")
        assert gateway.accepted == 0
