"""The dashboard of all runs: what runs, stands still and failed, and how it learns."""

from __future__ import annotations

from dataclasses import replace

from grafana.build import asked, looks, runs_curves, runs_table, variables
from grafana.build.model import UID, Board, Row, rendered
from grafana.build.panels import About, Panel, Query, bars, number, timeline
from grafana.build.promql import CHOSEN, NEWEST, PUSH_FAILURE_TIME, PUSH_TIME, highest, series
from grafana.build.states import STALLED, state, state_in_range
from reporter.names import State

_WEEK_S = 7 * 86400
_NO_RUN = "No run in this time range"
_NO_PROGRESS = "No run that runs now tells its progress"


def board() -> Board:
    return Board(
        uid=UID["runs"],
        title="Reporter / Runs",
        says="All training runs: what runs, what stands still, what failed, and how fast it goes.",
        variables=[
            variables.datasource(),
            variables.project(),
            variables.every(variables.run()),
            variables.first(variables.metric(CHOSEN), "val_loss"),
            variables.newest(),
        ],
        rows=[
            Row("Now", [*_counts(), runs_table.panel(), _progress(), _states()]),
            Row("Learning", runs_curves.learning()),
            Row("Speed and hardware", runs_curves.speed()),
            Row("Reporting itself", [*_groups(), *runs_curves.reporting()], collapsed=True),
        ],
    )


def files() -> dict[str, str]:
    return {f"dashboards/{UID['runs']}.json": rendered(board())}


def _counts() -> list[Panel]:
    now, before = state(CHOSEN), state_in_range(CHOSEN)
    ended, pushed = asked.ended_within_range(CHOSEN), asked.pushed_within_range(CHOSEN)
    return [
        _count("Running", State.RUNNING, "Runs that push and whose step moves.", now),
        _count("Stalled", STALLED, _STALLED, now),
        _count("Lost", State.LOST, _LOST, f"{before} and on (run) {pushed}"),
        _count("Failed", State.FAILED, _FAILED, f"{before} and on (run) {ended}"),
        _count("Succeeded", State.SUCCEEDED, _SUCCEEDED, f"{before} and on (run) {ended}"),
        _gpus(),
    ]


_STALLED = (
    "Runs that still push, but whose step has not moved for 2 minutes or, if that is longer, for"
    " the time of 5 steps."
)
_LOST = (
    "Runs that never said that they ended and have not pushed for a minute or, if that is longer,"
    " for 4 intervals between pushes: the machine died, or it cannot reach the gateway. Only those"
    " that pushed within the time range."
)
_FAILED = "Runs that ended with an error within the time range. The table tells the reason."
_SUCCEEDED = "Runs that ended well within the time range."


def _count(title: str, code: int, says: str, expression: str) -> Panel:
    counted = f"count({asked.in_project(asked.is_in(f'({expression})', code))}) or vector(0)"
    about = About(f"count {title}", title, says, "none", 4, 4, decimals=0)
    return number(about, Query(counted, title), looks.from_one_on(looks.colour_of(code)))


def _gpus() -> Panel:
    told = series("reporter_gpu_utilization_ratio", CHOSEN)
    alive = asked.running(CHOSEN)
    count = f"count(count by (UUID) ({asked.in_project(f'{told} and on (run) {alive}')}))"
    says = "Different GPUs that runs see now. The GPUs of stalled runs are among them."
    about = About("count gpus", "GPUs in use", says, "none", 4, 4, decimals=0)
    return number(about, Query(f"{count} or vector(0)", "GPUs"))


def _progress() -> Panel:
    ratio = highest("run", series("reporter_run_progress_ratio", CHOSEN))
    live = asked.in_project(f"({ratio} and on (run) {asked.running(CHOSEN)})")
    says = "How much of its training each run has done, of runs that run now and know their end."
    about = About("progress", "Progress of what runs", says, "percentunit", 12, 7, _NO_PROGRESS)
    about = replace(about, decimals=0, lowest=0, highest=1)
    return bars(about, Query(asked.named(live, CHOSEN), "{{shown}}"))


def _states() -> Panel:
    words = ", ".join(word for word, _colour in looks.STATE_COLOURS.values())
    says = f"How the {asked.CURVES} runs that started last stood: {words}."
    about = About("states", "States over time", says, "none", 12, 7, _NO_RUN)
    told = asked.curves(state(NEWEST))
    return timeline(about, Query(told, "{{shown}}"), looks.state_mapping())


def _groups() -> list[Panel]:
    each = "run, rank"
    groups = highest(each, series(PUSH_TIME, CHOSEN))
    refused = f"{highest(each, series(PUSH_FAILURE_TIME, CHOSEN))} > {groups}"
    old = f"{groups} < time() - {_WEEK_S}"
    return [
        _group_count("refused", "Refused pushes", _REFUSED, refused, looks.from_one_on("red")),
        _group_count("groups", "Groups on the gateway", _GROUPS, groups, looks.ALWAYS_NEUTRAL),
        _group_count(
            "old groups", "Groups older than a week", _OLD, old, looks.from_one_on("yellow")
        ),
    ]


_REFUSED = "Groups whose last push the gateway refused: it did not like what was in it."
_GROUPS = "A group is what one run and rank own on the gateway. It stays until somebody deletes it."
_OLD = (
    "Groups that nobody has pushed to for a week. docs/gateway.md tells how to delete what nobody"
    " needs any more."
)


def _group_count(key: str, title: str, says: str, expression: str, steps: looks.Steps) -> Panel:
    counted = f"count({asked.in_project(f'({expression})')}) or vector(0)"
    return number(About(key, title, says, "none", 8, 4, decimals=0), Query(counted, title), steps)
