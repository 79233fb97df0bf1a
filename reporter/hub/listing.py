"""The groups as JSON, in the shape of Pushgateway's /api/v1/metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from reporter.hub.exposition import SUFFIXES, Family, Labels, Sample, number
from reporter.hub.groups import HELP_OF_TIMES, Group, shown_labels

_BOUNDS = {"histogram": ("le", "buckets"), "summary": ("quantile", "quantiles")}


def list_groups(groups: Iterable[Group]) -> list[dict[str, object]]:
    """One entry per group; a family called `labels` hides behind them, as it does there."""
    return [_list_group(group) for group in groups]


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _list_group(group: Group) -> dict[str, object]:
    entry: dict[str, object] = {
        name: _list_family(stored.family, stored.pushed_at)
        for name, stored in group.families.items()
    }
    labels = shown_labels((), group.labels)
    changed = max(group.pushed_at, group.failed_at)
    for name, value in group.times().items():
        times = Family(name, "gauge", HELP_OF_TIMES[name], [Sample(name, labels, value)])
        entry[name] = _list_family(times, changed)
    entry["labels"] = group.labels
    entry["last_push_successful"] = group.pushed_at >= group.failed_at
    return entry


def _list_family(family: Family, changed: float) -> dict[str, object]:
    metrics = (
        _list_composites(family)
        if family.kind in SUFFIXES
        else [{"labels": dict(s.labels), "value": number(s.value)} for s in family.samples]
    )
    entry: dict[str, object] = {
        "time_stamp": timestamp(changed),
        "type": family.kind.upper(),
        "metrics": metrics,
    }
    return {**entry, "help": family.help} if family.help else entry


def _list_composites(family: Family) -> list[Mapping[str, object]]:
    bound, plural = _BOUNDS[family.kind]
    found: dict[Labels, dict[str, object]] = {}
    for sample in family.samples:
        own = tuple(pair for pair in sample.labels if pair[0] != bound)
        parts: dict[str, str] = {}
        entry = found.setdefault(own, {"labels": dict(own), plural: parts})
        suffix = sample.name[len(family.name) :]
        if suffix in {"_sum", "_count"}:
            entry[suffix[1:]] = number(sample.value)
            continue
        buckets = entry[plural]
        assert isinstance(buckets, dict)
        buckets[dict(sample.labels).get(bound, "")] = number(sample.value)
    return list(found.values())
