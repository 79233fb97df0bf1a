"""Small parts of PromQL. A family that the library does not push cannot be asked for."""

from __future__ import annotations

from reporter.names import FAMILIES, METRIC_PREFIX, TYPE_LABEL, family

PUSH_TIME = "push_time_seconds"
PUSH_FAILURE_TIME = "push_failure_time_seconds"
OF_THE_GATEWAY = (PUSH_TIME, PUSH_FAILURE_TIME)  # it adds them to every group

CHOSEN = 'run=~"$run"'  # where several runs can be chosen
THIS = 'run="$run"'  # where one can
NEWEST = 'run=~"$newest"'  # those of the chosen runs that started last
ONE, OTHER = 'run="$run_a"', 'run="$run_b"'
RANKS = 'rank=~"$rank"'
RANGE = "$__range"
RATE = "$__rate_interval"


def series(name: str, *matchers: str) -> str:
    """A selector of a family that exists."""
    if name not in FAMILIES and name not in OF_THE_GATEWAY:
        raise ValueError(f"{name} is no family of reporter.names")
    return f"{name}{{{', '.join(matchers)}}}"


def metric(name: str, *matchers: str) -> str:
    """A selector of one metric of the user's, by a name without a variable in it."""
    told = (f'{TYPE_LABEL}="metric"', f'metric_name="{name}"')
    return f"{family(METRIC_PREFIX, name)}{{{', '.join((*matchers, *told))}}}"


def any_metric(pattern: str, *matchers: str) -> str:
    """A selector of the users' metrics whose names match, whatever their families."""
    told = (f'{TYPE_LABEL}="metric"', f'metric_name=~"{pattern}"')
    return f'{{__name__=~"{METRIC_PREFIX}_.+", {", ".join((*matchers, *told))}}}'


def chosen_metric(*matchers: str) -> str:
    """A selector of the one metric that is chosen above, whatever is in its name."""
    told = (f'{TYPE_LABEL}="metric"', 'metric_name="$metric"')
    return f'{{__name__=~"{METRIC_PREFIX}_.+", {", ".join((*matchers, *told))}}}'


def any_parameter(*matchers: str) -> str:
    """A selector of the users' parameters, whichever prefix their families have."""
    told = (f'{TYPE_LABEL}="parameter"', 'param_name!=""')
    return f'{{__name__=~"reporter_push_gateway_.+", {", ".join((*matchers, *told))}}}'


def highest(by: str, vector: str) -> str:
    """One series for each value of `by`: ranks, and scrapers that see the same, become one."""
    return f"max by ({by}) ({vector})"


def once(name: str, vector: str) -> str:
    """Of a family, one series for each of its own: scrapers that see the same become one.

    Before a sum it is needed; what is not added up does without.
    """
    return highest(", ".join(("run", "rank", *FAMILIES[name][0])), vector)


def over_range(selector: str) -> str:
    """The last value in the time range shown, also of a run that has left the gateway."""
    return f"last_over_time({selector}[{RANGE}])"
