"""What all dashboards ask in the same way: names, progress, time left, speed.

Each function takes matchers, such as `run=~"$run"`, and returns an expression with one series for
each run, unless it says otherwise.
"""

from __future__ import annotations

from grafana.build.promql import NEWEST, PUSH_TIME, RANGE, RATE, highest, once, over_range, series
from grafana.build.states import alive, stalled
from reporter.names import State

SHOWN = "shown"  # the label that tells a run's name and id at once
CURVES = 20  # as many as can be told apart

_SEEN_AFTER_END_S = 120

GPU_MEMORY = ("reporter_gpu_memory_used_bytes", "reporter_gpu_memory_total_bytes")
HOST_MEMORY = ("reporter_host_memory_used_bytes", "reporter_host_memory_total_bytes")

_START = "reporter_run_start_time_seconds"
_END = "reporter_run_end_time_seconds"


def known(name: str, *where: str, by: str = "run") -> str:
    """What it is now or, of a run that has left the gateway, what it was last.

    Not so of one that is there: a run that was continued has an end no longer.
    """
    told = series(name, *where)
    here = highest("run", series("reporter_run_state", *where))
    return f"({highest(by, told)} or {highest(by, over_range(told))} unless on (run) {here})"


def facts(labels: str, *where: str) -> str:
    """1 with these facts: those that are there now, if any, and of rank 0, where there is one.

    Ranks may tell differently, and so may one that was started again.
    """
    return _one_of_each(labels, *where)


def _one_of_each(labels: str, *where: str, at: str = "") -> str:
    every = series("reporter_run_info", *where)
    first = series("reporter_run_info", *where, 'rank="0"')
    now = [f"{first}{at}", f"{every}{at}"]
    before = [f"last_over_time({info}[{RANGE}]{at})" for info in (first, every)]
    told = [
        f"{worth} * {highest(labels, info)}"
        for worth, info in zip((4, 3, 2, 1), now + before, strict=True)
    ]
    return f"group by ({labels}) (topk by (run) (1, {' or '.join(told)}))"


def named(expression: str, *where: str) -> str:
    """The same with a label that tells the run's name and its id."""
    return _with_name(expression, facts("run, run_name", *where))


def curves(expression: str) -> str:
    """The same of curves: each has one name, that of its end, over the whole time range."""
    return _with_name(expression, _one_of_each("run, run_name", NEWEST, at=" @ end()"))


def _with_name(expression: str, name: str) -> str:
    joined = f"({expression}) * on (run) group_left (run_name) {name}"
    return f'label_join({joined}, "{SHOWN}", " · ", "run_name", "run")'


def in_project(expression: str) -> str:
    """Of these runs those of the chosen projects: no other series tells the project."""
    info = highest("run", over_range(series("reporter_run_info", 'project=~"$project"')))
    return f"({expression} and on (run) {info})"


def seen(expression: str, *where: str) -> str:
    """Of these runs those that pushed within the time range: a gateway forgets no run."""
    return in_project(f"{expression} and on (run) {pushed_within_range(*where)}")


def newest(*where: str) -> str:
    """When the runs started that started last, of those that the table of all runs shows."""
    return f"topk({CURVES}, {seen(highest('run', over_range(series(_START, *where))), *where)})"


def running(*where: str) -> str:
    """Seconds since the last push of each run that runs, by its newest rank."""
    return f"min by (run) ({alive(*where)})"


def while_running(expression: str, *where: str) -> str:
    """Curves end where the run ended: a gateway shows its last values for ever.

    They go on for a few scrapes, so that a run that ended between two of them is seen.
    """
    return f"(({expression}) and on (run) {_runs_or_just_ended(*where)})"


def while_it_runs(expression: str, this: str) -> str:
    """The same of curves that do not tell which run they are of, as there is only one."""
    return f"(({expression}) and on () {_runs_or_just_ended(this)})"


def _runs_or_just_ended(*where: str) -> str:
    ended = f"(time() - {highest('run', series(_END, *where))} < {_SEEN_AFTER_END_S})"
    return f"({running(*where)} or {ended})"


def progress(*where: str) -> str:
    return known("reporter_run_progress_ratio", *where)


def time_left(*where: str) -> str:
    """Seconds, of runs whose step moves: at the pace of the last half hour or since the start."""
    ratio = series("reporter_run_progress_ratio", *where)
    left = f"(1 - {highest('run', ratio)})"
    pace = f"({highest('run', f'deriv({ratio}[30m])')} > 0)"
    so_far = f"(time() - {highest('run', series(_START, *where))})"
    overall = f"{left} * {so_far} / ({highest('run', ratio)} > 0)"
    moving = f"({running(*where)} unless on (run) {stalled(*where)})"
    return f"(({left} / {pace} or {overall}) and on (run) {moving})"


def duration(*where: str) -> str:
    """Seconds from the start to the end or, without one, to the last push."""
    return f"({_ended(*where)} - {known(_START, *where)})"


def duration_within_range(*where: str) -> str:
    """The same, without what was before the time range."""
    since = f"clamp_min({known(_START, *where)}, time() - {RANGE}_s)"
    return f"({_ended(*where)} - {since})"


def _ended(*where: str) -> str:
    return f"({known(_END, *where)} or {known(PUSH_TIME, *where)})"


def push_age(*where: str) -> str:
    """Seconds since the last push of any rank."""
    return f"(time() - {known(PUSH_TIME, *where)})"


def rate(name: str, *where: str, by: str = "run", of: str = "sum") -> str:
    """How much is added in a second."""
    each = f"rate({series(name, *where)}[{RATE}])"
    return f"{of} by ({by}) ({once(name, each) if of == 'sum' else each})"


def steps_per_second(*where: str) -> str:
    return rate("reporter_run_step", *where, of="max")


def data_share(*where: str, by: str = "run") -> str:
    """The share of the steps' time that went into waiting for data."""
    waited = rate("reporter_step_seconds_total", *where, 'phase="data"', by=by)
    spent = rate("reporter_step_seconds_total", *where, by=by)
    return f"{waited} / ({spent} > 0)"  # of a run that has ended, 0 / 0 would be NaN


def memory_share(used_and_total: tuple[str, str], *where: str, by: str = "run") -> str:
    """Of the fullest."""
    key, (used, total) = "run, rank, gpu, UUID", used_and_total
    share = f"{highest(key, series(used, *where))} / {highest(key, series(total, *where))}"
    return highest(by, share)


def ended_within_range(*where: str) -> str:
    """When each run ended, of those that ended in the time range."""
    return f"({known(_END, *where)} > time() - {RANGE}_s)"


def pushed_within_range(*where: str) -> str:
    """When each run pushed last, of those that did in the time range."""
    pushed = highest("run", over_range(series(PUSH_TIME, *where)))
    return f"({pushed} > time() - {RANGE}_s)"


def why_ended(*where: str) -> str:
    """1 for each run that has ended, with the reason. Ranks may have several."""
    told = known("reporter_run_end_info", *where, by="run, reason, detail")
    return f"topk by (run) (1, {told})"


def is_in(expression: str, code: int | State) -> str:
    return f"({expression} == {int(code)})"
