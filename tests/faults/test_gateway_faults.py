"""A gateway that fails, hangs or is slow amid a run: the newest values arrive once it is well."""

from __future__ import annotations

import gzip
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reporter.names import State
from tests.misbehaving import Misbehaving
from tests.runs import Told, Training
from tests.services.programs import Pushgateway, StartPushgateway
from tests.services.relay import Relay
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

OK: tuple[object, ...] = (200, {}, b"")
DEADLINE = 10  # of one push


@contextmanager
def hanging(gateway: Pushgateway) -> Iterator[None]:
    """The gateway accepts, and neither reads nor answers, as on a machine that is frozen."""
    os.kill(gateway.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gateway.pid, signal.SIGCONT)


def several(folder: Path, *urls: str) -> list[Training]:
    """Training processes with a folder of their own each, for these gateways."""
    trainings = [Training(folder / str(n), url, interval=1) for n, url in enumerate(urls)]
    for training in trainings:
        training.folder.mkdir()
    return trainings


def failed(told: Told) -> bool:
    return bool(told("status")["push_failures"])


def pushed(told: Told) -> bool:
    return bool(told("status")["pushes"])


def delivered(training: Training) -> bool:
    return training.record().delivered


@pytest.mark.parametrize("mode", ["garbage", "reset", "short", "endless"])
def test_e8_e9_the_next_retry_brings_the_newest_values(mode: str, tmp_path: Path) -> None:
    """It counts as one failed push, like any other, and the next retry brings the newest values."""
    with Misbehaving(mode, [OK]) as gateway:
        training = Training(tmp_path, gateway.url)
        with training.told() as told:
            told("report_metric", "loss", 1)
            wait_for(lambda: failed(told), what="a push to fail")
            told("report_metric", "loss", 2)
            gateway.mode = "status"
            wait_for(lambda: told("status")["pushes"], 10, "a push to arrive")
            assert loss_in(gateway) == 2
            assert told.leave() < 2
        assert training.record().delivered


def loss_in(gateway: Misbehaving) -> float:
    """The loss in the newest request."""
    body = gateway.requests[-1].body
    text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    (line,) = (x for x in text.decode().splitlines() if 'metric_name="loss"' in x)
    return float(line.rpartition(" ")[2])


def test_e4_e5_a_push_that_hangs_is_given_up_and_tried_again(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """A push is given up after 10 s in all, however often a byte of the answer comes; training
    goes on, and once the gateway is well it gets the newest values.

    A frozen gateway and one that drips, at the same time.
    """
    gateway = start_pushgateway()
    with Misbehaving("drip", [OK]) as dripping, ExitStack() as scope:
        frozen, other = several(tmp_path, gateway.url, dripping.url)
        scope.enter_context(hanging(gateway))
        runs = [scope.enter_context(training.told()) for training in (frozen, other)]
        give_up_a_push(runs)
        for told in runs:
            told("report_metric", "loss", 2)
        dripping.mode = "status"
        os.kill(gateway.pid, signal.SIGCONT)
        for told in runs:
            wait_for(partial(pushed, told), 10, "a push")
            told.leave()
        assert loss_in(dripping) == frozen.group().metric("loss") == 2


def give_up_a_push(runs: list[Told]) -> None:
    """Each of them, at its deadline."""
    began = time.monotonic()
    for told in runs:
        told("report_metric", "loss", 1)
    for told in runs:
        wait_for(partial(failed, told), DEADLINE + 5, "a push to be given up")
        assert told("status")["problem"] == "no answer within 10 s"
    assert DEADLINE - 1 < time.monotonic() - began < DEADLINE + 3


def test_e4_what_hung_in_a_frozen_gateway_does_not_replace_the_end(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """A gateway that wakes up serves what was sent to it meanwhile, in any order: the end that it
    shows is the run's, all the same.

    Three runs at once, each with a push that hangs while the scope is left.
    """
    gateway = start_pushgateway()
    trainings = several(tmp_path, *[gateway.url] * 3)
    with ExitStack() as scope:
        runs = [scope.enter_context(training.told()) for training in trainings]
        for told in runs:
            told("report_metric", "loss", 1)
            assert told("flush", 10)
        with hanging(gateway):
            for told in runs:
                leave_amid_a_push(told)
            wait_for(lambda: all(each.record().end_time for each in trainings), what="the ends")
            pause = time.monotonic() + 1.5
            wait_for(lambda: time.monotonic() > pause, what="the last push to be sent")
        for training in trainings:
            wait_for(partial(delivered, training), what="the delivery")
    ends = [(group.state, group.metric("loss")) for group in map(Training.group, trainings)]
    assert ends == [(State.SUCCEEDED, 2)] * 3


def leave_amid_a_push(told: Told) -> None:
    told("report_metric", "loss", 2)
    assert not told("flush", 1.5)
    told.begin_to_leave()


def test_e4_the_end_is_sent_again_after_a_push_that_hung(tmp_path: Path) -> None:
    """After a push that was given up the end is sent twice: what hung may come in between."""
    with Misbehaving("silent", [OK]) as gateway:
        training = Training(tmp_path, gateway.url)
        with training.told() as told:
            told("report_metric", "loss", 1)
            wait_for(lambda: gateway.requests, what="the first push")
            gateway.mode = "status"
            told.leave()
        ends = [b"reporter_run_end_info{" in gzip.decompress(x.body) for x in gateway.requests]
    assert ends == [False, True, True]
    assert training.record().delivered


@pytest.mark.parametrize("status", [408, 429, 503])
def test_e15_a_busy_gateway_is_heard(status: int, tmp_path: Path) -> None:
    """`Retry-After` is heeded; then the newest values arrive."""
    with Misbehaving("status", [(status, {"Retry-After": "2"}, b"busy"), OK]) as gateway:
        training = Training(tmp_path, gateway.url)
        with training.told() as told:
            told("report_metric", "loss", 1)
            wait_for(lambda: gateway.requests, what="the first push")
            refused = time.monotonic()
            wait_for(lambda: failed(told), what="it to be refused")
            assert f"answered {status}" in told("status")["problem"]
            told("report_metric", "loss", 2)
            told("report_parameter", "lr", 0.1)  # a change does not hurry it
            wait_for(lambda: len(gateway.requests) == 2, 10, "the retry")
            assert 1.8 < time.monotonic() - refused < 4
            wait_for(lambda: told("status")["pushes"] == 1, what="the push")
            assert loss_in(gateway) == 2
            told.leave()
    assert training.record().delivered


def test_e16_the_interval_grows_while_the_gateway_is_slow(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The interval in force shows as `reporter_push_interval_seconds` while it grows and shrinks
    with a slow gateway; there is never a second push in flight."""
    with Relay(urlsplit(pushgateway.url).port or 0) as relay:
        relay.delay = 0.8
        training = Training(tmp_path, relay.url, interval=1)
        with training.told() as told:

            def interval() -> float | None:
                told("report_metric", "loss", time.monotonic())
                shown = Training(tmp_path, pushgateway.url).group(told.run)
                return shown.value("reporter_push_interval_seconds")

            told("report_metric", "loss", 0)
            wait_for(lambda: interval() == 1, what="the first push")
            wait_for(lambda: interval() == 2, 15, "a longer interval")
            relay.delay = 0
            wait_for(lambda: interval() == 1, 15, "the interval of the settings")
            assert told("status")["push_failures"] == 0
            told.leave()
        assert relay.most_at_once == 1
