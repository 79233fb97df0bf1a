"""What a rule finds, and what is excused, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Dashboard = dict[str, Any]


class Finding(NamedTuple):
    """What is wrong, and where: the title of a panel or the name of a variable."""

    rule: str
    where: str
    what: str


# A rule yields where something is wrong, and what.
Found = Iterator[tuple[str, str]]
Rule = Callable[[Dashboard], Found]

_ONE_JOB = "`job` is the same in every group, and another's where honor_labels is off; `run` tells"

# Rules of the public linter that do not apply here.
NOT_APPLIED = {
    "template-job-rule": _ONE_JOB,
    "template-instance-rule": "`instance` is the gateway: it says nothing of a run",
    "target-job-rule": _ONE_JOB + ": run-in-every-selector asks for it instead",
    "target-instance-rule": "`instance` is the gateway: run-in-every-selector asks for `run`",
    "target-logql-rule": "there are no logs here",
    "target-logql-auto-rule": "there are no logs here",
}

_WHOLE = "a run counts from 0, and the first value may be the only one: increase() would miss it"

# (rule, where): why it is as it should be.
EXCUSED = {
    ("target-counter-agg-rule", "NaN or infinite"): _WHOLE,
    ("target-counter-agg-rule", "Dropped reports"): _WHOLE,
    ("target-counter-agg-rule", "Samples per second, mean"): _WHOLE,
    ("all-value", "newest"): "it is the names of a few runs that are to be sent",
}


def excused(finding: Finding) -> bool:
    return (finding.rule, finding.where) in EXCUSED
