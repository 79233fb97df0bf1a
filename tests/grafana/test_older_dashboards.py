"""Dashboards made for the older library go on working: they ask by family and `podUUID`."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs import Training
from tests.services.programs import Prometheus, Pushgateway, Queried
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

# As the older library's users wrote it: its names, its spelling.
SCRIPT = """
import sys
import reporter
loss, epoch = float(sys.argv[1]), int(sys.argv[2])
with reporter.Reporter() as r:
    r.reportMetric("overall_epochs", 4)
    r.reportMetric("epoch", epoch)
    r.reportMetric("loss", loss)
    r.reportMetric("accuracy", 1 - loss)
    r.reportParameter("learning_rate", 0.001)
    r.reportParameter("optimizer_name", "Adam")
"""
PROGRESS = "max by (podUUID) ({0}_epoch) / max by (podUUID) ({0}_overall_epochs)"
METRIC = "reporter_push_gateway_metric"
PARAMETER = "reporter_push_gateway_parameter"  # what it really sent for parameters
README = Path(__file__).resolve().parents[2] / "grafana" / "README.md"
NEWEST_RUN = re.compile(r"(?ms)^```promql\n(.+?)^```")  # as it is shown there


@pytest.fixture(scope="module", params=[True, False], ids=["honoured", "not_honoured"])
def prometheus(
    request: pytest.FixtureRequest,
    pushgateway: Pushgateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """Scrapes the gateway, with each setting of `honor_labels` that people have."""
    folder = tmp_path_factory.mktemp("prometheus")
    program = Prometheus(folder, [pushgateway.url], request.param, "1s")
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture
def pod() -> str:
    """A pod that no other test uses."""
    return f"pod-{secrets.token_hex(4)}"


def train(
    folder: Path,
    gateway: Pushgateway,
    pod: str,
    loss: float = 0.25,
    epoch: int = 3,
    **environment: str,
) -> None:
    """One training in the pod, with what the older library knew and one prefix."""
    training = Training(folder, parameter_prefix=PARAMETER)
    del training.settings["REPORTER_GATEWAY"]
    known = {"podUUID": pod, "reporterGatewayURL": gateway.url, **environment}
    ended = training.run([sys.executable, "-c", SCRIPT, str(loss), str(epoch)], **known)
    assert ended.code == 0, ended.err


def shown(prometheus: Prometheus, promql: str, count: int = 1) -> Queried:
    """What a panel of theirs shows, once it shows as many series."""
    wait_for(lambda: len(prometheus.query(promql)) == count, what=f"{count} of {promql}")
    return prometheus.query(promql)


def value(prometheus: Prometheus, promql: str) -> float:
    """Of a panel that shows one number."""
    ((_, found),) = shown(prometheus, promql)
    return found


def test_one_run_in_a_pod(
    tmp_path: Path, pushgateway: Pushgateway, prometheus: Prometheus, pod: str
) -> None:
    """Each query that worked on the older library's series answers the same on ours."""
    train(tmp_path, pushgateway, pod)
    of = f'{{podUUID="{pod}"}}'
    assert value(prometheus, f"{METRIC}_loss{of}") == 0.25
    assert (
        value(prometheus, f'{METRIC}_accuracy{{podUUID="{pod}", metric_name="accuracy"}}') == 0.75
    )
    one = f'{{__name__=~"{METRIC}_.+", metric_name="loss", push_gateway_type="metric", {of[1:]}'
    assert value(prometheus, one) == 0.25
    ratio = f"{METRIC}_epoch{of} / on (podUUID) {METRIC}_overall_epochs{of}"
    assert value(prometheus, ratio) == 0.75
    ((labels, one_always),) = shown(prometheus, f"{PARAMETER}_learning_rate{of}")
    assert (labels["param_name"], labels["param_value"]) == ("learning_rate", "0.001")
    assert one_always == 1
    rows = shown(prometheus, f'{{push_gateway_type="parameter", podUUID="{pod}"}}', count=2)
    assert {row["param_value"] for row, _ in rows} == {"0.001", "Adam"}


def test_several_runs_in_a_pod(
    tmp_path: Path, pushgateway: Pushgateway, prometheus: Prometheus, pod: str
) -> None:
    """Each run has a group of its own now: `max by (podUUID)` is one series again, and the newest
    run alone can be asked for."""
    train(tmp_path, pushgateway, pod, loss=0.5, epoch=1)
    train(tmp_path, pushgateway, pod, loss=0.25, epoch=3)
    of = f'{{podUUID="{pod}"}}'
    assert len(shown(prometheus, f"{METRIC}_loss{of}", count=2)) == 2
    assert value(prometheus, f"max by (podUUID) ({METRIC}_loss{of})") == 0.5
    mine = f" * on (podUUID) group_left () max by (podUUID) (reporter_run_attempt{of})"
    assert value(prometheus, PROGRESS.format(METRIC) + mine) == 0.75
    (newest,) = NEWEST_RUN.findall(README.read_text())
    assert value(prometheus, newest.replace(f"{METRIC}_loss", f"{METRIC}_loss{of}")) == 0.25


def test_ranks_in_a_pod(
    tmp_path: Path, pushgateway: Pushgateway, prometheus: Prometheus, pod: str
) -> None:
    """Ranks, which overwrote each other, are a series each; `max by (podUUID)` is one."""
    for rank, loss in enumerate((0.5, 0.25)):
        train(tmp_path, pushgateway, pod, loss, REPORTER_RUN=pod, REPORTER_RANK=str(rank))
    of = f'{{podUUID="{pod}"}}'
    found = shown(prometheus, f"{METRIC}_loss{of}", count=2)
    assert {row["rank"]: loss for row, loss in found} == {"0": 0.5, "1": 0.25}
    assert value(prometheus, f"max by (podUUID) ({METRIC}_loss{of})") == 0.5
