"""A person learns of an outage that lasts: on the terminal once, in the record's log in full."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.runs import Training
from tests.services.programs import StartPushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

TROUBLE_AFTER = 10


class Heard:
    """What a live process has written to its standard error so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self._descriptor = process.stderr.fileno()
        os.set_blocking(self._descriptor, False)
        self._text = b""

    def __call__(self) -> str:
        try:
            self._text += os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            pass
        return self._text.decode()


def test_e1_e2_an_outage_that_lasts_is_said_once(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """When the gateway has taken no push for 10 s, one line says so at the next new name,
    parameter or stage; `sender.log` has the times of the outage and of its end."""
    gateway = start_pushgateway()
    gateway.stop()
    training = Training(tmp_path, gateway.url, interval=1)
    with training.told() as told:
        heard, began = Heard(told.process), time.monotonic()

        def said_after_a_slow_call() -> str:
            told("report_parameter", "moment", time.monotonic())
            return heard()

        wait_for(said_after_a_slow_call, TROUBLE_AFTER + 5, "a line on the terminal")
        assert time.monotonic() - began > TROUBLE_AFTER - 0.5
        said_after_a_slow_call()
        told("stage", "train")
        gateway.start()
        wait_for(lambda: told("status")["pushes"], 40, "a push to arrive")
        log = (Path(training.record().folder) / "sender.log").read_text().splitlines()
        told.leave()
        told.process.wait(10)
        said = heard()
    line = f"reporter: {gateway.url} takes no push (connection refused); training goes on, the run"
    assert said.splitlines() == [f"{line} is recorded, and its sender keeps trying"]
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ " + re.escape(gateway.url)
    assert len(log) == 2
    assert re.fullmatch(moment + " takes no push: connection refused", log[0])
    assert re.fullmatch(moment + r" takes pushes again after \d+ s", log[1])
