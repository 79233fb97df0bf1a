"""What all dashboards ask, of runs that are not as simple as the demo's: asked of promtool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from grafana.build import asked
from tests.services.programs import find_program

pytestmark = [pytest.mark.service, pytest.mark.slow]

RUN = '{run="r", rank="0"}'
OF_RUN = 'run="r"'
RANGE_S = 600
_VALUES = {"$__range_s": str(RANGE_S), "$__range": f"{RANGE_S}s", "$__rate_interval": "60s"}

Series = dict[str, str]


def check(folder: Path, told: Series, expression: str, at: int, expected: Series) -> None:
    """What the expression is then, of series with a value every 10 seconds."""
    for name, value in _VALUES.items():
        expression = expression.replace(name, value)
    samples = [{"labels": labels, "value": float(value)} for labels, value in expected.items()]
    question = {"expr": expression, "eval_time": f"{at}s", "exp_samples": samples}
    unit = {
        "interval": "10s",
        "input_series": [{"series": name, "values": values} for name, values in told.items()],
        "promql_expr_test": [question],
    }
    test = folder / "asked.test.yaml"
    test.write_text(json.dumps({"evaluation_interval": "10s", "tests": [unit]}), encoding="utf-8")
    done = subprocess.run(
        [find_program("promtool"), "test", "rules", str(test)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# It failed after 100 seconds, and was continued after 200.
CONTINUED = {
    f"reporter_run_state{RUN}": "1x9 3x9 1x39",
    f"push_time_seconds{RUN}": "0+10x9 100x9 200+10x39",
    f"reporter_run_start_time_seconds{RUN}": "0x60",
    f"reporter_run_end_time_seconds{RUN}": "_x10 100x9 stale",
    'reporter_run_end_info{run="r", rank="0", reason="oom", detail=""}': "_x10 1x9 stale",
}


def test_a_run_that_was_continued_has_not_ended(tmp_path: Path) -> None:
    """It lasts until now, and nothing says why it ended."""
    check(tmp_path, CONTINUED, asked.duration(OF_RUN), 400, {'{run="r"}': "400"})
    check(tmp_path, CONTINUED, asked.why_ended(OF_RUN), 400, {})


def test_a_run_that_has_left_the_gateway_has_ended(tmp_path: Path) -> None:
    """What it told last is what is shown of it."""
    gone = {name: "_x10 100x9 stale" for name in CONTINUED if "start" not in name}
    gone[f"reporter_run_start_time_seconds{RUN}"] = "0x19 stale"
    why = {'{run="r", reason="oom"}': "100"}  # what every series of it is worth
    check(tmp_path, gone, asked.duration(OF_RUN), 400, {'{run="r"}': "100"})
    check(tmp_path, gone, asked.why_ended(OF_RUN), 400, why)


def test_only_what_is_within_the_range_counts(tmp_path: Path) -> None:
    """Of a run that began long before it, as much as the range is long."""
    began = {**CONTINUED, f"reporter_run_start_time_seconds{RUN}": "-9000x60"}
    check(tmp_path, began, asked.duration(OF_RUN), 400, {'{run="r"}': "9400"})
    check(tmp_path, began, asked.duration_within_range(OF_RUN), 400, {'{run="r"}': str(RANGE_S)})


def test_two_scrapers_do_not_make_it_twice(tmp_path: Path) -> None:
    """Ranks are added up; what two scrapers see of one rank is not."""
    told = {
        f'reporter_samples_total{{run="r", rank="{rank}", instance="{scraper}"}}': "0+20x60"
        for rank in (0, 1)
        for scraper in ("one", "other")
    }
    check(tmp_path, told, asked.rate("reporter_samples_total", OF_RUN), 400, {'{run="r"}': "4"})


def info(rank: int, **told: str) -> str:
    labels = {"run": "r", "rank": str(rank), **told}
    return f"reporter_run_info{{{', '.join(f'{key}={value!r}' for key, value in labels.items())}}}"


NAMED = '{run="r", run_name="%s"}'
FACTS = asked.facts("run, run_name", OF_RUN)


def test_rank_0_names_a_run(tmp_path: Path) -> None:
    """Each rank may tell another name; without a rank 0 another one speaks."""
    for name, other in (("one", "two"), ("two", "one")):
        told = {info(1, run_name=other): "1x60", info(0, run_name=name): "1x60"}
        check(tmp_path, told, FACTS, 400, {NAMED % name: "1"})
    told = {info(2, run_name="of 2"): "1x60"}
    check(tmp_path, told, FACTS, 400, {NAMED % "of 2": "1"})


def test_a_run_is_called_as_it_is_now(tmp_path: Path) -> None:
    """Not as it was before it was started again, even if that was of rank 0."""
    told = {info(0, run_name="a first"): "1x19 stale", info(1, run_name="z now"): "_x20 1x39"}
    check(tmp_path, told, FACTS, 400, {NAMED % "z now": "1"})
    told = {info(0, run_name="z first"): "1x19 stale", info(0, run_name="a now"): "_x20 1x39"}
    check(tmp_path, told, FACTS, 400, {NAMED % "a now": "1"})


def test_a_run_that_has_left_the_gateway_keeps_its_name(tmp_path: Path) -> None:
    """That of rank 0, as before."""
    told = {info(rank, run_name=f"of {rank}"): "1x19 stale" for rank in (1, 0)}
    check(tmp_path, told, FACTS, 400, {NAMED % "of 0": "1"})


def test_a_curve_has_one_name(tmp_path: Path) -> None:
    """The newest, also where it was called otherwise."""
    step = f"reporter_run_step{RUN}"
    names = {info(0, run_name="first"): "1x19 stale", info(0, run_name="now"): "_x20 1x39"}
    curve = asked.curves(f"max by (run) (reporter_run_step{{{OF_RUN}}})").replace("$newest", "(r)")
    shown = '{run="r", run_name="now", shown="now · r"}'
    check(tmp_path, {step: "7x60", **names}, curve, 400, {shown: "7"})


def test_the_newest_of_those_that_pushed(tmp_path: Path) -> None:
    """As many runs as there are curves for: of the chosen ones, project included, the last."""
    told = {}
    for n in range(asked.CURVES + 5):
        of_run = f'{{run="r{n:02}", rank="0", instance="other"}}'
        project = "theirs" if n == asked.CURVES + 4 else "ours"
        told[f'reporter_run_info{{run="r{n:02}", project="{project}"}}'] = "1x60"
        told[f"reporter_run_start_time_seconds{of_run}"] = f"{n}x60"
        told[f"push_time_seconds{of_run}"] = "-700x60" if n == asked.CURVES + 3 else "0+10x60"
    newest = asked.newest('run=~".+"').replace("$project", "ours")
    last = range(3, asked.CURVES + 3)
    check(tmp_path, told, newest, 400, {f'{{run="r{n:02}"}}': str(n) for n in last})
