"""Whatever befalls a run, in whatever order: its promises hold. A model says what to expect.

MODEL_EXAMPLES=400 pytest tests/faults/test_model.py looks for longer, and somewhere else each time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.library import library_of_the_model
from tests.faults.model.machine import RunOfTheModel
from tests.faults.model.world import World
from tests.front import Pushed
from tests.services.programs import StartPushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

AT_ONCE, STEPS = 8, 14  # after ten examples Hypothesis begins to repeat itself in parts
SECONDS_AN_EXAMPLE = 30  # far more than one takes
LONGER = os.environ.get("MODEL_EXAMPLES")
ROUNDS = range(int(LONGER or 32) // AT_ONCE)
DAY = 86_400  # and the lease of a group


@pytest.mark.timeout(AT_ONCE * SECONDS_AN_EXAMPLE)
@pytest.mark.parametrize("number", ROUNDS)
def test_a_run_keeps_its_promises_in_any_order_of_faults(
    number: int, tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Nothing is invented, order is kept, the last value wins, and each attempt has one honest end;
    what is recorded and what is counted as dropped add up to what was reported."""
    gateway, library = start_pushgateway(), library_of_the_model(tmp_path)

    class Round(RunOfTheModel):
        # Where nothing is left to chance, Hypothesis draws by the class's source and signature.
        def __init__(self, _: int = number) -> None:
            super().__init__(tmp_path, gateway, library)

    run_state_machine_as_test(
        Round,
        settings=settings(
            max_examples=AT_ONCE,
            stateful_step_count=STEPS,
            derandomize=not LONGER,
            database=None,
            deadline=None,
            # Shrinking repeats an example hundreds of times, and each takes seconds.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=bool(LONGER),
        ),
    )


def test_trainer_and_sender_see_the_clock_of_the_model(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Else no rule that sets it would put anything to the test."""
    world = World(tmp_path / "world", start_pushgateway(), library_of_the_model(tmp_path))
    try:
        world.set_clock(-DAY)
        trainee, began = world.start(), time.time()
        trainee("burst", "loss", 1, 1)
        pushed = Pushed(wait_for(lambda: world.pushes, what="a push")[-1])
        assert pushed.value("reporter_run_start_time_seconds") == pytest.approx(began - DAY, abs=60)
        world.set_clock(DAY)
        trainee("parameter", "lr", 1)
        wait_for(lambda: _pushed_at(world) > time.time() + DAY - 60, what="a push a day later")
    finally:
        world.close()


def _pushed_at(world: World) -> float:
    """When the newest push was made, by the sender's clock."""
    expires = Pushed(world.pushes[-1]).value("reporter_run_lease_expires_time_seconds")
    return (expires or 0) - DAY
