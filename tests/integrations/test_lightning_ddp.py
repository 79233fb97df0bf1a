"""Two ranks of Lightning's `ddp`, by its own launcher and by torchrun: one run, and who is slow."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from reporter.names import State
from tests.integrations.frameworks import needs
from tests.integrations.trainings import CHILDREN, LONGEST_S
from tests.runs import Training
from tests.services.programs import Prometheus, Pushgateway
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(300)]

STEPS = 8
SECONDS = 10
ITSELF = [sys.executable]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]

# What a rank does on its own, a step: more than half as much again as the quickest rank.
OWN = """sum by (run, rank) (reporter_step_seconds_total{{run="{run}", phase=~"data|compute"}})
    / sum by (run, rank) (reporter_steps_total{{run="{run}"}})"""
STRAGGLER = f"{OWN} > on (run) group_left () 1.5 * min by (run) ({OWN})"


class Way(NamedTuple):
    """How the ranks are started, who opens the Reporter, and where the second one is slow."""

    launcher: list[str]
    scope: str
    slow: str


WAYS = {
    "its own launcher, in scopes": Way(ITSELF, "each", "data"),
    "its own launcher, without one": Way(ITSELF, "none", "compute"),
    "torchrun": Way(TORCHRUN, "with", "compute"),
}


class Ranks:
    """Both ranks have ended well, and told of their runs."""

    def __init__(self, way: Way, folder: Path, gateway: str | None) -> None:
        needs("lightning")
        self.way, self.training = way, Training(folder, gateway)
        command = [*way.launcher, str(CHILDREN / "lightning_ddp.py"), way.scope, way.slow]
        with self.training.started(command, TOKENIZERS_PARALLELISM="0") as process:
            out, self.err = process.communicate(timeout=LONGEST_S)
        assert process.returncode == 0, self.err
        told = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        self.runs = [[each["run"] for each in told if each["rank"] == rank] for rank in (0, 1)]

    @property
    def run(self) -> str:
        """The first one."""
        return str(self.runs[0][0])


@pytest.fixture(scope="module")
def prometheus(
    pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    program = Prometheus(tmp_path_factory.mktemp("prometheus"), [pushgateway.url], True, "1s")
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture(scope="module", params=WAYS)
def ranks(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Ranks:
    return Ranks(WAYS[request.param], tmp_path_factory.mktemp("ddp"), pushgateway.url)


def test_the_ranks_land_in_one_run(ranks: Ranks) -> None:
    """Each with its own group and record, and none beside them; a second scope is a second run."""
    count = 2 if ranks.way.scope == "each" else 1
    assert ranks.runs[0] == ranks.runs[1]
    assert len(set(ranks.runs[0])) == count
    found = [(str(r.identity["id"]), r.identity["rank"]) for r in ranks.training.records()]
    assert sorted(found) == sorted((run, rank) for run in ranks.runs[0] for rank in (0, 1))
    for run, rank in found:
        assert ranks.training.group(run, rank).state is State.SUCCEEDED
    assert "separate runs" not in ranks.err


def test_metrics_are_those_of_rank_0(ranks: Ranks) -> None:
    """Nothing is there twice; what is reported by hand is reported on every rank."""
    run = ranks.run
    first, second = (ranks.training.record(run, rank) for rank in (0, 1))
    for name in ("loss", "step", "train_loss"):
        assert len(first.points[name].values) == STEPS, name
        assert name not in second.points
    assert [list(each.points["mine"].values) for each in (first, second)] == [[0], [1]]
    assert ranks.training.group(run, 0).parameters("optimizer_name") == ["SGD"]
    assert ranks.training.group(run, 1).parameters("optimizer_name") == []


def test_every_rank_tells_its_own_time(ranks: Ranks) -> None:
    """Steps, samples and where their seconds went."""
    run = ranks.run
    for rank in (0, 1):
        group = ranks.training.group(run, rank)
        assert group.value("reporter_steps_total") == STEPS
        assert group.value("reporter_samples_total") == 2 * STEPS
        for phase in ("data", "compute", "other"):
            assert (group.value("reporter_step_seconds_total", phase=phase) or 0) > 0


def test_who_waits_for_whom(ranks: Ranks) -> None:
    """The slow rank spends its time where it is slow, the other one in waiting for it."""
    run = ranks.run
    quick, slow = (ranks.training.group(run, rank) for rank in (0, 1))

    def seconds(phase: str) -> tuple[float, float]:
        family = "reporter_step_seconds_total"
        return quick.value(family, phase=phase) or 0, slow.value(family, phase=phase) or 0

    (quicks, slows), (waits, goes_on) = seconds(ranks.way.slow), seconds("other")
    assert slows > quicks
    assert waits > goes_on


def test_a_slow_rank_stands_out_in_promql(ranks: Ranks, prometheus: Prometheus) -> None:
    """By what each rank does on its own: the others wait elsewhere."""
    run = ranks.run
    own = OWN.format(run=run)
    wait_for(lambda: len(prometheus.query(own)) == 2, SECONDS, "both ranks in Prometheus")
    found = prometheus.query(STRAGGLER.format(run=run))
    assert [labels["rank"] for labels, _ in found] == ["1"], prometheus.query(own)
