"""From a training process over a real Pushgateway into a real Prometheus, by PromQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.runs import Told, Training
from tests.services.programs import Prometheus, Pushgateway, Queried
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

FAMILY = "reporter_push_gateway_metric_"
SECONDS = 10


@pytest.fixture(scope="module")
def prometheus(
    pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One Prometheus for this module, which scrapes the session's gateway each second."""
    program = Prometheus(tmp_path_factory.mktemp("prometheus"), [pushgateway.url], True, "1s")
    try:
        program.start()
        yield program
    finally:
        program.stop()


def test_a_run_is_found_under_the_names_of_the_contract(
    prometheus: Prometheus, pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """A metric, a NaN, a parameter and what the sender adds, with their labels and no others."""
    training = Training(tmp_path, pushgateway.url, project="p", name="n")
    with training.told(POD_NAME="pod-1", podUUID="uuid-1") as told:
        told("report_metric", "val/loss", 0.37, 12)
        told("report_metric", "diverged", math.nan)
        told("report_parameter", "lr", 0.001)
        told.leave()
        run = told.run
    group = {"job": "reporter_pod_info", "podUUID": "uuid-1", "run": run, "rank": "0"}
    metric = {"metric_name": "val/loss", "push_gateway_type": "metric"}
    parameter = {"param_name": "lr", "param_value": "0.001", "push_gateway_type": "parameter"}
    assert _found(prometheus, f"{FAMILY}val_loss", run) == [({**group, **metric}, 0.37)]
    assert _found(prometheus, f"{FAMILY}lr", run) == [({**group, **parameter}, 1)]
    assert math.isnan(_found(prometheus, f"{FAMILY}diverged", run)[0][1])
    assert _found(prometheus, "reporter_run_step", run) == [(group, 12)]
    assert _found(prometheus, "reporter_run_state", run) == [(group, 2)]
    ((info, one),) = _found(prometheus, "reporter_run_info", run)
    assert one == 1
    assert {"project": "p", "run_name": "n", "pod": "pod-1"}.items() <= info.items()
    assert _found(prometheus, "push_time_seconds", run)[0][0] == group


def test_f17_a_changed_parameter_leaves_one_series(
    prometheus: Prometheus, pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """The series with the older text is gone from the next scrape on."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        told("report_parameter", "lr", 0.1)
        assert _texts(prometheus, told.run) == ["0.1"]
        told("report_parameter", "lr", 0.01)
        wait_for(lambda: _texts(prometheus, told.run) == ["0.01"], what="the new text alone")


def test_f9_f18_names_that_meet_in_one_family_are_all_there(
    prometheus: Prometheus, pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """Names that meet in one family, metrics and parameters, are told apart by their labels."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        told("report_metric", "val/loss", 1)
        told("report_metric", "val_loss", 2)
        told("report_parameter", "val_loss", "three")
        told.leave()
    found = _found(prometheus, f"{FAMILY}val_loss", told.run)
    names = {labels.get("metric_name") or labels["param_value"]: value for labels, value in found}
    assert names == {"val/loss": 1, "val_loss": 2, "three": 1}


LAUNCHERS = {
    "REPORTER_RUN": {"REPORTER_RUN": "given-to-all"},
    "torchrun": {"TORCHELASTIC_RUN_ID": "t", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29501"},
    "slurm": {"SLURM_JOB_ID": "17", "SLURM_STEP_ID": "0"},
    "kubernetes": {"JOB_UID": "uid-of-the-job"},
    "address": {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29502"},
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_ranks_share_a_run_and_never_overwrite_each_other(
    launcher: str, prometheus: Prometheus, pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """The ranks of one launch agree on the run without talking; each has its own group."""
    training = Training(tmp_path, pushgateway.url)
    with ExitStack() as scope:
        ranks = [scope.enter_context(_rank(training, k, LAUNCHERS[launcher])) for k in range(2)]
        for k, told in enumerate(ranks):
            told("report_metric", "loss", k)
        for told in ranks:
            told.leave()
    assert ranks[0].run == ranks[1].run
    found = wait_for(lambda: _ranks(prometheus, ranks[0].run, 2), SECONDS, "both ranks' loss")
    assert found == {"0": 0, "1": 1}


def test_e18_runs_never_overwrite_each_other(
    prometheus: Prometheus, pushgateway: Pushgateway, tmp_path: Path
) -> None:
    """Two runs at once, alike but for their ids, each keep their own values."""
    training = Training(tmp_path, pushgateway.url, name="alike", project="alike")
    with training.told() as one, training.told() as other:
        for told, loss in ((one, 1), (other, 2)):
            told("report_metric", "loss", loss)
        one.leave()
        other.leave()
    for told, loss in ((one, 1), (other, 2)):
        assert [v for _, v in _found(prometheus, f"{FAMILY}loss", told.run)] == [loss]
    assert one.run != other.run


def _rank(training: Training, rank: int, launcher: dict[str, str]) -> AbstractContextManager[Told]:
    numbers = {"RANK": str(rank), "SLURM_PROCID": str(rank), "WORLD_SIZE": "2"}
    return training.told(**launcher, **numbers)


def _found(prometheus: Prometheus, family: str, run: str) -> Queried:
    """The run's series of a family, once there are any, without the family's own name."""
    found = wait_for(
        lambda: prometheus.query(f'{family}{{run="{run}"}}'), SECONDS, f"{family} of {run}"
    )
    for labels, _value in found:
        assert labels.pop("__name__") == family
    return found


def _texts(prometheus: Prometheus, run: str) -> list[str]:
    return [labels["param_value"] for labels, _ in _found(prometheus, f"{FAMILY}lr", run)]


def _ranks(prometheus: Prometheus, run: str, count: int) -> dict[str, float] | None:
    found = _found(prometheus, f"{FAMILY}loss", run)
    return {labels["rank"]: v for labels, v in found} if len(found) == count else None
