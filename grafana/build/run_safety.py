"""What of a run would be lost if it died, and what did not arrive."""

from __future__ import annotations

from grafana.build import asked, looks
from grafana.build.panels import About, Panel, Query, bars, lines, number
from grafana.build.promql import PUSH_TIME, THIS, highest, once, over_range, series

_CHECKPOINT = About(
    "checkpoint",
    "Age of the newest checkpoint",
    "How much training would be lost if the run died now.",
    "s",
    8,
    8,
    "Nothing tells of a checkpoint",
    lowest=0,
)
_ATTEMPT = About(
    "attempt",
    "Attempt",
    "1, and one more each time the run was continued.",
    "none",
    4,
    8,
    decimals=0,
)
_PUSH_AGE = About(
    "push age",
    "Time since the last push",
    "How long ago each rank pushed last. A saw tooth as high as the interval is as it should be.",
    "s",
    12,
    8,
    lowest=0,
)
_PUSH_TIME = About(
    "push time",
    "Time that a push takes",
    "How long the gateway took for the last push of each rank.",
    "s",
    6,
    8,
    lowest=0,
)
_FAILURES = About(
    "push failures",
    "Failed pushes",
    "Pushes that did not arrive, for each second. They are tried again until they do.",
    "suffix:/s",
    6,
    8,
    lowest=0,
)
_DROPPED = About(
    "dropped",
    "Dropped reports",
    "How many reports were lost on the way, and why. docs/reliability.md tells what each reason"
    " means.",
    "none",
    8,
    8,
    "Nothing was lost",
    0,
)
_REFUSED = About(
    "rejected",
    "Refused families",
    "Names whose values the gateway refuses: another program has pushed them as another type.",
    "none",
    4,
    8,
    decimals=0,
)


def panels() -> list[Panel]:
    checkpoint = highest("run", series("reporter_checkpoint_time_seconds", THIS))
    attempt = over_range(series("reporter_run_attempt", THIS))
    continued: looks.Steps = ((None, "text"), (2, "yellow"))
    return [
        lines(_CHECKPOINT, _going(f"time() - {checkpoint}", "age")),
        number(_ATTEMPT, Query(f"max({attempt})", "attempt"), continued),
        *_arriving(),
    ]


def _arriving() -> list[Panel]:
    pushed = highest("rank", series(PUSH_TIME, THIS))
    took = highest("rank", series("reporter_push_seconds", THIS))
    failed = asked.rate("reporter_push_failures_total", THIS, by="rank")
    family = "reporter_dropped_total"
    lost = once(family, over_range(series(family, THIS)))
    dropped = f"sum by (reason) ({lost}) > 0"
    refused = f"max({over_range(series('reporter_rejected_families', THIS))})"
    return [
        lines(_PUSH_AGE, _going(f"time() - {pushed}", "rank {{rank}}")),
        lines(_PUSH_TIME, _going(took, "rank {{rank}}")),
        lines(_FAILURES, _going(failed, "rank {{rank}}"), at_least=1),
        bars(_DROPPED, Query(dropped, "{{reason}}"), ((None, "orange"),)),
        number(_REFUSED, Query(f"{refused} or vector(0)", "families"), looks.from_one_on("red")),
    ]


def _going(expression: str, legend: str) -> Query:
    return Query(asked.while_it_runs(expression, THIS), legend)
