"""Every recipe of docs/promql.md has an answer, and those that can be wrong have the right one."""

from __future__ import annotations

import math
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from grafana.build import rulefile, states
from tests.grafana.demo import Runs, demo
from tests.grafana.story import PARTS, PROJECT, SLOWER
from tests.services.programs import Prometheus, Pushgateway, Queried
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "promql.md").read_text(encoding="utf-8")
_RECIPE = r"^### (.+)\n(?:(?!#|```)[^\n]*\n)*```promql\n([^`]+)```"
RECIPES = dict(re.findall(_RECIPE, PAGE, re.MULTILINE))
LONG = 90
WATTS = 300.0

# What is right when all is well, and can then not be waited for.
WITHOUT_ANSWER = {"Lost runs", "Groups that nobody needs any more"}


class Stage(NamedTuple):
    """The demo, and two that scrape it: with and without `honor_labels`."""

    runs: Runs
    scraping: tuple[Prometheus, Prometheus]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Once every run of it is what it is to be, and other exporters have had their say."""
    folder = tmp_path_factory.mktemp("recipes")
    gateway = Pushgateway(folder)
    folders = [tmp_path_factory.mktemp("prometheus") for _ in range(2)]
    honoured = Prometheus(folders[0], [gateway.url], True, "1s")
    renamed = Prometheus(folders[1], [gateway.url], False, "1s")
    programs = (gateway, honoured, renamed)
    try:
        for program in programs:
            program.start()
        with demo(folder, gateway.url) as runs:
            wait_for(lambda: len(_gpus(honoured)) == 2, LONG, "both GPUs")
            _others_push(gateway, honoured, runs)
            ended = "count(reporter_run_end_info)"
            for each in (honoured, renamed):
                wait_for(lambda p=each: _one(p.query(ended)) == 2, LONG, "two runs to end")
            yield Stage(runs, (honoured, renamed))
    finally:
        for program in programs:
            program.stop()


def _gpus(prometheus: Prometheus) -> set[str]:
    return {labels["UUID"] for labels, _ in prometheus.query("reporter_gpu_utilization_ratio")}


def _one(found: Queried) -> float | None:
    return found[0][1] if found else None


def _others_push(gateway: Pushgateway, prometheus: Prometheus, runs: Runs) -> None:
    """Made-up series of the exporters that the page joins with."""
    model = 'modelName="NVIDIA H200"'
    lines = [f'DCGM_FI_DEV_POWER_USAGE{{UUID="{u}",{model}}} {WATTS}' for u in _gpus(prometheus)]
    started = f'reporter_run_start_time_seconds{{run="{runs.finished}"}}'
    start = wait_for(lambda: prometheus.query(started), LONG, "the start of a run")[0][1]
    pod = f'namespace="research",pod="{PARTS["finished"].name}-0"'
    lines.append(f"kube_pod_created{{{pod}}} {start - 30}")
    waited = ((60, 90), (600, 100), ("+Inf", 100))
    name = "kueue_admission_wait_time_seconds_bucket"
    lines += [f'{name}{{cluster_queue="gpus",le="{le}"}} {n}' for le, n in waited]
    lines.append("slurm_queue_pending 7")
    body = "\n".join([*lines, ""]).encode()
    request = urllib.request.Request(gateway.url + "/metrics/job/others", body, method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5):
        pass


@pytest.fixture(params=[0, 1], ids=["honor_labels", "without"])
def prometheus(stage: Stage, request: pytest.FixtureRequest) -> Prometheus:
    return stage.scraping[request.param]


def test_the_page_has_no_other_code() -> None:
    """Each block stands under a heading of its own, and so is found and run."""
    assert len(RECIPES) == PAGE.count("```promql") == PAGE.count("```") / 2


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_an_answer(recipe: str, prometheus: Prometheus) -> None:
    """It is evaluated without an error, and has a series, whatever `honor_labels` is."""
    if recipe in WITHOUT_ANSWER:
        prometheus.query(RECIPES[recipe])
    else:
        wait_for(lambda: prometheus.query(RECIPES[recipe]), LONG, f"an answer to {recipe!r}")


def _by_run(found: Queried) -> dict[str, float]:
    return {labels["run"]: value for labels, value in found if "run" in labels}


def _shares(found: Queried, runs: Runs) -> bool:
    return len(_by_run(found)) == 4 and all(0 < value <= 1 for _, value in found)


def _projects(found: Queried, runs: Runs) -> bool:
    return found == [({"project": PROJECT}, 4)]


def _states(found: Queried, runs: Runs) -> bool:
    told = {labels["state"]: value for labels, value in found}
    return told == {"1": 2, "2": 1, "3": 1}


def _time_left(found: Queried, runs: Runs) -> bool:
    left = _by_run(found)
    # 10000 steps, of which each takes a little longer than a tenth of a second.
    return 300 < left.get(runs.running, 0) < 3000 and runs.finished not in left


def _waits_for_data(found: Queried, runs: Runs) -> bool:
    share = _by_run(found).get(runs.running, math.nan)
    return math.isclose(share, PARTS["running"].waiting, abs_tol=0.07)


def _straggler(found: Queried, runs: Runs) -> bool:
    ranks = {labels["rank"]: value for labels, value in found if labels["run"] == runs.running}
    slower = ranks.get("1", math.nan)
    return ranks.get("0") == 1 and math.isclose(slower, SLOWER, abs_tol=0.15)


def _cost(found: Queried, runs: Runs) -> bool:
    money = _by_run(found)
    return runs.running in money and 0 < money[runs.running] < 2.5


def _watts(found: Queried, runs: Runs) -> bool:
    return _by_run(found).get(runs.running) == 2 * WATTS


def _price(found: Queried, runs: Runs) -> bool:
    return _by_run(found).get(runs.running) == 8


def _after_the_pod(found: Queried, runs: Runs) -> bool:
    return math.isclose(_by_run(found)[runs.finished], 30, abs_tol=0.001)


def _failures(found: Queried, runs: Runs) -> bool:
    return found == [({"reason": "exception"}, 1)]


def _differing(found: Queried, runs: Runs) -> bool:
    return {labels["param_name"] for labels, _ in found} == {"learning_rate", "batch_size"}


def _dropped(found: Queried, runs: Runs) -> bool:
    return [(labels["run"], labels["reason"]) for labels, _ in found] == [
        (runs.failed, "bad_value")
    ]


def _not_finite(found: Queried, runs: Runs) -> bool:
    return [labels for labels, _ in found] == [{"run": runs.failed, "metric_name": "loss"}]


RIGHT: dict[str, Callable[[Queried, Runs], bool]] = {
    "Progress": _shares,
    "Runs per project": _projects,
    "Runs per project and state": _states,
    "Time left, by steps": _time_left,
    "Time left, by progress": _time_left,
    "Share of time waiting for data": _waits_for_data,
    "Stragglers": _straggler,
    "Cost per run, by GPU hours": _cost,
    "Power per run, as DCGM measures it": _watts,
    "Cost per run, by GPU model": _price,
    "From the pod to the run": _after_the_pod,
    "Why runs failed today": _failures,
    "Parameters that differ between runs": _differing,
    "What was lost on the way": _dropped,
    "Values that were NaN or infinite": _not_finite,
}


@pytest.mark.parametrize("recipe", RIGHT)
def test_an_answer_is_right(recipe: str, stage: Stage, prometheus: Prometheus) -> None:
    """What it says is what the demo's runs do; their story is in story.py."""
    last: list[Queried] = []

    def right() -> bool:
        last[:] = [prometheus.query(RECIPES[recipe])]
        return RIGHT[recipe](last[0], stage.runs)

    wait_for(right, LONG, f"the right answer to {recipe!r}; the first was {last}")


def test_lost_means_the_same_everywhere() -> None:
    """The recipe is the expression that dashboards and alerts have."""
    assert rulefile.laid_out(RECIPES["Lost runs"]) == rulefile.laid_out(states.lost())
