"""What a run may tell of itself is bounded in the sender, too."""

from __future__ import annotations

import pytest

from reporter.board.layout import METRICS
from reporter.names import METRIC_PREFIX
from reporter.record import events
from reporter.record.events import Event
from reporter.sender.gauges import Gauges

LIMIT = 10


@pytest.mark.parametrize("kind", [events.PARAMETER, events.TAG, events.MILESTONE])
def test_f15_names_without_end_are_counted_and_not_kept(kind: str) -> None:
    """As many parameters, tags and milestones are kept as there may be metrics; what is told
    under more names is counted, and those that are kept stay up to date."""
    made = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=LIMIT, lease=1.0)
    for n in range(METRICS + 5):
        made.apply(Event(1000.0, kind, {"name": f"n{n}", "value": "old"}))
    assert len(list(made._user_series())) == METRICS
    assert made.over_limit == METRICS + 5 - LIMIT
    made.apply(Event(2000.0, kind, {"name": "n0", "value": "new"}))
    assert made.over_limit == METRICS + 5 - LIMIT
    (_, labels, value), *_ = made._user_series()
    assert "new" in labels.values() or value == 2000


def test_what_the_gauges_do_not_know_is_passed_over() -> None:
    """Notes, artifacts and kinds of a later version change nothing that is shown."""
    made = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=LIMIT, lease=1.0)
    before = made.families(1000.0)
    for kind in (events.NOTE, events.ARTIFACT, events.DROPPED, events.DELIVERED, "of tomorrow"):
        made.apply(Event(1000.0, kind, {"name": "x", "value": "y"}))
    assert made.families(1000.0) == before
