"""How a run stands, as PromQL derives it: asked of a real PromQL engine, by promtool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from grafana.build.promql import PUSH_TIME, series
from grafana.build.states import STALLED, state
from reporter.names import State
from tests.services.programs import find_program

pytestmark = [pytest.mark.service, pytest.mark.slow]

NOW_S = 600
STATE, INTERVAL = "reporter_run_state", "reporter_push_interval_seconds"
MOVED, STEP = "reporter_run_last_step_time_seconds", "reporter_run_step_interval_seconds"

Group = dict[str, float]


def told(code: int, *, push_age: float = 5, interval: float = 5, **more: float) -> Group:
    """What one rank's group shows."""
    return {STATE: code, PUSH_TIME: NOW_S - push_age, INTERVAL: interval, **more}


def moved(ago: float, step: float | None = None) -> Group:
    """When the step moved, and how long one takes, if that is known."""
    return {MOVED: NOW_S - ago} | ({} if step is None else {STEP: step})


RUNNING = State.RUNNING
CASES: dict[str, tuple[list[Group], int]] = {
    "queued": ([told(State.QUEUED)], State.QUEUED),
    "running": ([told(RUNNING, **moved(1, 0.1))], State.RUNNING),
    "running-without-steps": ([told(RUNNING)], State.RUNNING),
    "succeeded-long-ago": (
        [told(State.SUCCEEDED, push_age=500, **moved(500, 1))],
        State.SUCCEEDED,
    ),
    "failed": ([told(State.FAILED, push_age=500, **moved(500, 1))], State.FAILED),
    "cancelled": ([told(State.CANCELLED)], State.CANCELLED),
    "no-push-for-a-minute": ([told(RUNNING, push_age=60)], State.RUNNING),
    "no-push-for-longer": ([told(RUNNING, push_age=61)], State.LOST),
    "slow-pushes": ([told(RUNNING, push_age=119, interval=30)], State.RUNNING),
    "no-slow-pushes": ([told(RUNNING, push_age=121, interval=30)], State.LOST),
    "lost-and-standing-still": ([told(RUNNING, push_age=300, **moved(400, 1))], State.LOST),
    "step-still-for-two-minutes": ([told(RUNNING, **moved(120, 1))], State.RUNNING),
    "step-still-for-longer": ([told(RUNNING, **moved(121, 1))], STALLED),
    "slow-steps": ([told(RUNNING, **moved(299, 60))], State.RUNNING),
    "no-slow-steps": ([told(RUNNING, **moved(301, 60))], STALLED),
    "one-step-only": ([told(RUNNING, **moved(121))], STALLED),
    "one-rank-failed": ([told(RUNNING), told(State.FAILED)], State.FAILED),
    "one-rank-cancelled": ([told(RUNNING), told(State.CANCELLED)], State.CANCELLED),
    "one-rank-done": ([told(RUNNING), told(State.SUCCEEDED)], State.RUNNING),
    "one-rank-lost": ([told(RUNNING), told(RUNNING, push_age=90)], State.LOST),
    "one-rank-without-steps": ([told(RUNNING, **moved(1, 1)), told(RUNNING)], State.RUNNING),
    "one-rank-moves": ([told(RUNNING, **moved(1, 1)), told(RUNNING, **moved(300, 1))], RUNNING),
    "all-ranks-still": ([told(RUNNING, **moved(300, 1))] * 2, STALLED),
}


def test_a_run_stands_as_the_contract_says(tmp_path: Path) -> None:
    """Each state, on either side of each limit, with one rank and with several."""
    _stand(tmp_path, list(CASES), NOW_S)


def test_nobody_is_lost_between_two_scrapes(tmp_path: Path) -> None:
    """Where Prometheus scrapes once a minute, a push looks old before the next scrape."""
    without_steps = [
        run for run, (ranks, _) in CASES.items() if not any(MOVED in rank for rank in ranks)
    ]
    _stand(tmp_path, without_steps, NOW_S + 59)


def _stand(tmp_path: Path, runs: list[str], at: int) -> None:
    """Ask how these stand then; the last scrape was at NOW_S."""
    chosen = f'run=~"{"|".join(runs)}"'
    samples = [{"labels": f'{{run="{run}"}}', "value": int(CASES[run][1])} for run in runs]
    asked = {"expr": state(chosen), "eval_time": f"{at}s", "exp_samples": samples}
    unit = {"interval": "10s", "input_series": _input(), "promql_expr_test": [asked]}
    test = tmp_path / "states.test.yaml"
    test.write_text(json.dumps({"evaluation_interval": "10s", "tests": [unit]}), encoding="utf-8")
    done = subprocess.run(
        [find_program("promtool"), "test", "rules", str(test)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _input() -> list[dict[str, str]]:
    """Every rank's series, the same from the start; a second scraper sees them, too."""
    return [
        {
            "series": series(name, f'run="{run}"', f'rank="{rank}"', f'instance="{scraper}"'),
            "values": f"{value}x60",
        }
        for run, (ranks, _code) in CASES.items()
        for rank, group in enumerate(ranks)
        for name, value in group.items()
        for scraper in ("one", "other")
    ]
