"""Every rule over every dashboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from grafana.lint import ours, public
from grafana.lint.findings import EXCUSED, Dashboard, Finding, excused

RULES = {**public.RULES, **ours.RULES}


def findings(dashboard: Dashboard) -> list[Finding]:
    """What is wrong with one dashboard, what is excused left out."""
    found = (
        Finding(name, where, what)
        for name, rule in RULES.items()
        for where, what in rule(dashboard)
    )
    return [each for each in found if not excused(each)]


def findings_of_all(dashboards: Iterable[Dashboard]) -> list[Finding]:
    """What is wrong with them, alone and together."""
    all_of_them = list(dashboards)
    uids = Counter(dashboard.get("uid") for dashboard in all_of_them)
    twice = [Finding("uid", str(uid), "is another's, too") for uid, n in uids.items() if n > 1]
    return twice + [found for each in all_of_them for found in findings(each)]


def excuses_in_vain(dashboards: Iterable[Dashboard]) -> list[tuple[str, str]]:
    """Excuses for what is not found any more."""
    found = {
        (name, where)
        for dashboard in dashboards
        for name, rule in RULES.items()
        for where, _what in rule(dashboard)
    }
    return [excuse for excuse in EXCUSED if excuse not in found]
