"""Two minutes of the soak: fifty kills, outages, harmed senders, and everything adds up."""

from __future__ import annotations

import json
import sys

import pytest

from tests.soak.result import result_of
from tests.soak.soak import Soak

pytestmark = [pytest.mark.service, pytest.mark.slow]

MINUTES, KILLS = 2, 50


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


@pytest.mark.timeout(400)
def test_nothing_is_lost_left_or_shown_whatever_is_killed() -> None:
    """No last value is lost, every end is honest and delivered, every loss is counted, memory is
    flat, no process, descriptor or file is left, and no secret is anywhere."""
    soak, passed = Soak(MINUTES, KILLS, _say), False
    try:
        soak.run()
        result = result_of(soak)
        passed = result["passed"]
    finally:
        soak.close(keep=not passed)
    sys.stdout.write(json.dumps(result, indent=1))
    befallen = result["what befell lives with problems"]
    assert passed, "\n".join(map(str, [*result["verdicts"], *result["problems"], *befallen]))
