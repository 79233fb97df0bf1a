"""Arrays of JAX: a report of one returns before it is computed, and a real gateway shows it."""

from __future__ import annotations

import pytest

from tests.integrations.frameworks import needs
from tests.integrations.trainings import Trained
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trained(pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    needs("jax")
    return Trained("jax_arrays.py", tmp_path_factory.mktemp("jax"), pushgateway.url)


def test_dispatch_stays_asynchronous(trained: Trained) -> None:
    """When a report and a handle have returned, what they were given is not computed yet."""
    assert trained.told["computed"] == [False] * 4


def test_every_value_arrives_with_its_step_and_in_order(trained: Trained) -> None:
    """A plain number that was reported meanwhile does not overtake the arrays before it."""
    assert trained.told["flushed"]
    assert trained.values("arrays", "loss") == [0, 1, 2, 3, 99]
    assert trained.steps("arrays", "loss") == [0, 1, 2, 3, 4]
    assert trained.values("arrays", "by handle") == [0, 1, 2, 3]
    group = trained.group("arrays")
    assert (group.metric("loss"), group.metric("by handle")) == (99, 3)
    assert group.value("reporter_run_step") == 4
    assert group.value("reporter_dropped_total", reason="bad_value") == 0


def test_what_is_ready_is_read_at_once(trained: Trained) -> None:
    """An array that is computed already is a number like any other."""
    assert trained.values("at once", "loss") == [0.5, 1.5, 2.5, 3.5]


def test_arrays_of_several_and_tracers_are_refused(trained: Trained) -> None:
    """At the first report of a name, in words that say what to do."""
    assert "array of 1000000 elements" in trained.told["several"]
    assert "Tracer" in trained.told["traced"]
    assert set(trained.records["arrays"].newest) == {"loss", "by handle"}
