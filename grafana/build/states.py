"""How a run stands, in PromQL: the only home of what `lost` and `stalled` mean there.

Each function takes matchers, such as `run=~"$run"`, and returns an expression. A run of several
ranks stands as its worst rank does.
"""

from __future__ import annotations

from grafana.build.promql import PUSH_TIME, highest, over_range, series
from reporter.names import State

STALLED = 6  # only dashboards have this code: nobody pushes it, as nobody pushes State.LOST

LOST_AFTER_S, LOST_AFTER_PUSHES = 60, 4
STALLED_AFTER_S, STALLED_AFTER_STEPS = 120, 5

_STATE = "reporter_run_state"
_EACH_RANK = "run, rank"


def push_age(*where: str) -> str:
    """Seconds since the last push, for each run and rank, as the last scrape saw it.

    Not as of now: between two scrapes of a minute each, every run would seem lost for a while.
    """
    pushed = series(PUSH_TIME, *where)
    seen = highest(_EACH_RANK, f"timestamp({pushed})")
    return f"({seen} - {highest(_EACH_RANK, pushed)})"


def says_running(*where: str) -> str:
    """1 for each run and rank whose last word is that it runs."""
    return f"({highest(_EACH_RANK, series(_STATE, *where))} == {State.RUNNING:d})"


def lost(*where: str) -> str:
    """Seconds since the last push, for each run that says that it runs and no longer pushes."""
    return f"max by (run) ({push_age(*where)} > {_patience(*where)} and {says_running(*where)})"


def alive(*where: str) -> str:
    """Seconds since the last push, for each run and rank that runs and pushes."""
    return f"({push_age(*where)} <= {_patience(*where)} and {says_running(*where)})"


def stalled(*where: str) -> str:
    """Seconds since the step moved, for each run that pushes and whose step stands still."""
    moved = highest("run", series("reporter_run_last_step_time_seconds", *where))
    step = highest("run", series("reporter_run_step_interval_seconds", *where))
    still = f"(time() - {moved})"
    long = f"{still} > clamp_min({STALLED_AFTER_STEPS} * {step}, {STALLED_AFTER_S})"
    # How long a step takes is not known before the second one.
    unknown = f"{still} > {STALLED_AFTER_S} unless {step}"
    return f"(({long} or {unknown}) and max by (run) ({alive(*where)}))"


def state(*where: str) -> str:
    """The state code of each run, lost and stalled included."""
    return _worst(
        series(_STATE, *where),
        f"0 * {lost(*where)} + {State.LOST:d}",
        f"0 * {stalled(*where)} + {STALLED}",
    )


def state_in_range(*where: str) -> str:
    """The same, and for a run that has left the gateway the last that was seen of it.

    One that left while it said that it runs is lost.
    """
    before = over_range(series(_STATE, *where))
    gone = f"0 * max by (run) ({before} == {State.RUNNING:d}) + {State.LOST:d}"
    return f"({state(*where)} or {_worst(before, gone)})"


def _patience(*where: str) -> str:
    interval = highest(_EACH_RANK, series("reporter_push_interval_seconds", *where))
    return f"clamp_min({LOST_AFTER_PUSHES} * {interval}, {LOST_AFTER_S})"


def _worst(said: str, *derived: str) -> str:
    """The first that holds of: failed, cancelled, what is derived, running, queued, succeeded."""

    def told(code: State) -> str:
        return f"max by (run) ({said} == {code:d})"

    order = [
        *(told(code) for code in (State.FAILED, State.CANCELLED)),
        *derived,
        *(told(code) for code in (State.RUNNING, State.QUEUED, State.SUCCEEDED)),
    ]
    return f"({' or '.join(order)})"
