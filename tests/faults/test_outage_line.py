"""A person learns of an outage that lasts: on the terminal once, in the record's log in full."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.faults.altered import altered_copy
from tests.misbehaving import Misbehaving
from tests.runs import Heard, Training
from tests.services.programs import StartPushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

TROUBLE_AFTER = 10


def test_e1_e2_an_outage_that_lasts_is_said_once(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """When the gateway has taken no push for 10 s, one line says so at the next new name,
    parameter or stage; `sender.log` has the times of the outage and of its end."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url, interval=1)
    with training.told() as told:
        heard, began = Heard(told), time.monotonic()
        wait_for(heard.after_a_slow_call, TROUBLE_AFTER + 5, "a line on the terminal")
        assert time.monotonic() - began > TROUBLE_AFTER - 0.5
        heard.after_a_slow_call()
        told("stage", "train")
        gateway.start()
        wait_for(lambda: told("status")["pushes"], 40, "a push to arrive")
        log = (Path(training.record().folder) / "sender.log").read_text()
        told.leave()
        told.process.wait(10)
        said = heard()
    line = f"reporter: {gateway.url} takes no push (connection refused); training goes on, the run"
    assert said.splitlines() == [f"{line} is recorded, and its sender keeps trying"]
    tells_of_an_outage(log, gateway.url)


def test_e8_e9_answers_that_change_are_one_outage(tmp_path: Path) -> None:
    """However the gateway's answers vary meanwhile, one line tells of them."""
    refusals = [(status, {}, b"") for status in (500, 502, 503, 504)]
    soon = altered_copy(
        tmp_path, ("sender/delivery.py", "_TROUBLE_AFTER = 10.0", "_TROUBLE_AFTER = 0.5")
    )
    with Misbehaving("status", refusals) as gateway:
        training = Training(tmp_path, gateway.url, interval=1)
        with training.told(**soon) as told:
            heard = Heard(told)
            wait_for(heard.after_a_slow_call, 20, "a line on the terminal")
            many = len(gateway.requests) + 3
            wait_for(lambda: len(gateway.requests) >= many, 30, "other answers")
            wait_for(lambda: "504" in told("status")["problem"], 10, "the last of them")
            heard.after_a_slow_call()
            assert heard().count("takes no push") == 1


def tells_of_an_outage(log: str, url: str) -> None:
    """When it began and why, and when it was over; nothing else."""
    began, over = log.splitlines()
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ " + re.escape(url)
    assert re.fullmatch(moment + " takes no push: connection refused", began)
    assert re.fullmatch(moment + r" takes pushes again after \d+ s", over)
