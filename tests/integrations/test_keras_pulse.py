"""Where the time of batches goes, from the moments when they began and ended."""

from __future__ import annotations

import pytest

from reporter.board.layout import SAMPLES_SEEN, STEPS_SEEN
from reporter.reporter.pace import _PLACES, Pace, nowhere
from reporter_integrations._keras_pulse import Batches, Pulse


@pytest.fixture
def words() -> list[float]:
    return nowhere()


def pulse(words: list[float], steps: int | None = None, at_once: int = 1) -> Pulse:
    """One whose time begins at 0."""
    made = Pulse(Pace(words), Batches(10), at_once, steps)
    made._until = 0.0
    return made


def seconds(words: list[float]) -> dict[str, float]:
    return {phase: words[at] for phase, at in _PLACES.items() if words[at]}


def test_time_goes_to_data_while_no_batch_is_under_way(words: list[float]) -> None:
    """Batches may overlap and end in any order: no second counts twice."""
    one = pulse(words)
    one.moments += [1, 2, -4, -5, 7, -8]
    one.take()
    assert seconds(words) == {"data": 3, "compute": 5}
    assert (words[STEPS_SEEN], words[SAMPLES_SEEN]) == (3, 30)


def test_moments_that_come_late_count_nothing(words: list[float]) -> None:
    """Two threads may leave theirs the wrong way round."""
    one = pulse(words)
    one.moments += [1, 2, -5, -4]
    one.take()
    one.take()
    assert seconds(words) == {"data": 1, "compute": 4}


def test_a_batch_that_found_no_data_is_no_step(words: list[float]) -> None:
    """It began and never ended; the next epoch is counted as if it had not been."""
    one = pulse(words)
    one.moments += [1, -2, 3]
    assert one.epoch_over() == 1
    assert words[STEPS_SEEN] == 1
    assert one.epoch_over() == 0


def test_what_others_attributed_is_not_attributed_again(words: list[float]) -> None:
    """A checkpoint within a batch's time is that batch's no more, be it taken before or after."""
    one = pulse(words)
    one.moments += [1, -9]
    one._pace.checkpoint(5)
    one.take()
    assert seconds(words) == {"data": 1, "compute": 3, "checkpoint": 5}
    one._pace.checkpoint(5)
    one.moments += [10, -12]
    one.take()
    one.moments += [14, -20]
    one.take()
    assert seconds(words) == {"data": 1 + 0 + 2, "compute": 3 + 0 + 4, "checkpoint": 10}


def test_joined_steps_end_with_the_epoch(words: list[float]) -> None:
    """Three at once of seven: the last execution did one."""
    one = pulse(words, steps=7, at_once=3)
    for k in range(3):
        one.moments += [2 * k + 1, -2 * k - 2]
        one.take()
    assert one.epoch_over() == 7
    assert (words[STEPS_SEEN], words[SAMPLES_SEEN]) == (7, 70)


def test_the_last_batch_may_be_smaller() -> None:
    """Unless the batches of an epoch are not those of the data."""
    assert [Batches(8, 50).over(7).upto(k) for k in (6, 7)] == [48, 50]
    assert Batches(8, 50).over(5).upto(5) == 40
    assert Batches(8, 50).over(None).upto(7) == 56
    assert Batches().over(3).upto(3) == 0
