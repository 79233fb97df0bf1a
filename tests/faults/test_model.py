"""Whatever befalls a run, in whatever order: its promises hold. A model says what to expect.

MODEL_EXAMPLES=400 pytest tests/faults/test_model.py looks for longer, and somewhere else each time.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.library import library_of_the_model
from tests.faults.model.machine import RunOfTheModel
from tests.services.programs import StartPushgateway

pytestmark = [pytest.mark.service, pytest.mark.slow]

AT_ONCE, STEPS = 8, 14  # after ten examples Hypothesis begins to repeat itself in parts
SECONDS_AN_EXAMPLE = 30  # far more than one takes
LONGER = os.environ.get("MODEL_EXAMPLES")
ROUNDS = range(int(LONGER or 32) // AT_ONCE)


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
