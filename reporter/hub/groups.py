"""Keeps what was pushed: groups, their families and when each was last changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reporter.hub.exposition import (
    SUFFIXES,
    Family,
    Labels,
    Sample,
    render_header,
    render_sample,
)

PUSHED = "push_time_seconds"
FAILED = "push_failure_time_seconds"
# The gateway's own words, so that dashboards read the same on either.
HELP_OF_TIMES = {
    FAILED: "Last Unix time when changing this group in the Pushgateway failed.",
    PUSHED: "Last Unix time when changing this group in the Pushgateway succeeded.",
}

Series = tuple[str, Labels]


class InconsistentError(ValueError):
    """The push is readable, but cannot stand beside what is there."""


@dataclass(slots=True)
class StoredFamily:
    """A family as it will be shown: labels complete, text rendered once."""

    family: Family
    text: str
    pushed_at: float


@dataclass(slots=True)
class Group:
    """What one grouping key owns."""

    labels: dict[str, str]
    families: dict[str, StoredFamily] = field(default_factory=dict)
    pushed_at: float = 0.0
    failed_at: float = 0.0

    def times(self) -> dict[str, float]:
        return {FAILED: self.failed_at, PUSHED: self.pushed_at}


class Groups:
    """All groups, and across them the rules that make one exposition of them."""

    def __init__(self) -> None:
        self._groups: dict[Labels, Group] = {}
        self._users: dict[str, dict[Labels, StoredFamily]] = {}
        self._owners: dict[Series, Labels] = {}

    def __iter__(self) -> Iterator[Group]:
        for key in sorted(self._groups):
            yield self._groups[key]

    def push(
        self, labels: Mapping[str, str], families: Mapping[str, Family], *, replace: bool
    ) -> None:
        """Put the families into the group; `replace` removes what else it had.

        Raises InconsistentError, having changed nothing but the group's time of failure.
        """
        key = _key(labels)
        now = time.time()
        try:
            incoming = [
                _complete(family, labels, now)
                for family in families.values()
                if family.name not in HELP_OF_TIMES
            ]
            self._check(key, incoming, replace=replace)
        except InconsistentError:
            self._group(key).failed_at = now
            raise
        group = self._group(key)
        leaving = list(group.families) if replace else [new.family.name for new in incoming]
        for name in leaving:
            self._remove_family(key, name)
        for new in incoming:
            self._add_family(key, new)
        group.pushed_at = now

    def delete(self, labels: Mapping[str, str]) -> None:
        """Remove the group with exactly these labels, if there is one."""
        key = _key(labels)
        group = self._groups.get(key)
        if group is None:
            return
        for name in list(group.families):
            self._remove_family(key, name)
        del self._groups[key]

    def render(self) -> str:
        """All groups in the text format, each family once."""
        parts: list[str] = []
        for name in sorted({*self._users, *(HELP_OF_TIMES if self._groups else ())}):
            if name in HELP_OF_TIMES:
                parts.extend(self._render_times(name))
                continue
            users = self._users[name]
            first = next(iter(users.values())).family
            parts.append(render_header(name, first.kind, first.help))
            parts.extend(stored.text for stored in users.values())
        return "".join(parts)

    def _render_times(self, name: str) -> Iterator[str]:
        yield render_header(name, "gauge", HELP_OF_TIMES[name])
        for group in self._groups.values():
            yield render_sample(name, shown_labels((), group.labels), group.times()[name])

    def _group(self, key: Labels) -> Group:
        return self._groups.setdefault(key, Group(dict(key)))

    def _check(self, key: Labels, incoming: list[StoredFamily], *, replace: bool) -> None:
        own = self._groups[key].families if key in self._groups else {}
        leaving = set(own) if replace else {new.family.name for new in incoming}
        seen: set[Series] = set()
        kinds = {new.family.name: new.family.kind for new in incoming}
        for new in incoming:
            self._check_kind(key, new.family)
            self._check_suffixes(key, new.family, kinds, leaving)
            for sample in new.family.samples:
                self._check_series(key, sample, seen)

    def _check_kind(self, key: Labels, family: Family) -> None:
        for user, stored in self._users.get(family.name, {}).items():
            if user != key:
                if stored.family.kind != family.kind:
                    raise InconsistentError(
                        f"metric {family.name!r} is a {stored.family.kind} in another group,"
                        f" and was pushed as {family.kind}"
                    )
                return  # those that are there agree with each other

    def _check_suffixes(
        self, key: Labels, family: Family, kinds: Mapping[str, str], leaving: set[str]
    ) -> None:
        def kind_of(name: str) -> str | None:
            if name in kinds:
                return kinds[name]
            stays = (
                s for u, s in self._users.get(name, {}).items() if u != key or name not in leaving
            )
            other = next(stays, None)
            return None if other is None else other.family.kind

        for suffix in SUFFIXES.get(family.kind, ()):
            if kind_of(family.name + suffix) is not None:
                raise InconsistentError(
                    f"metric {family.name + suffix!r} is part of a {family.kind}"
                )
        base, _, end = family.name.rpartition("_")
        kind = kind_of(base) if base else None
        if kind is not None and "_" + end in SUFFIXES.get(kind, ()):
            raise InconsistentError(f"metric {family.name!r} is part of the {kind} {base!r}")

    def _check_series(self, key: Labels, sample: Sample, seen: set[Series]) -> None:
        series = (sample.name, sample.labels)
        if series in seen or self._owners.get(series, key) != key:
            raise InconsistentError(f"metric {sample.name!r} has the same labels twice")
        seen.add(series)

    def _add_family(self, key: Labels, stored: StoredFamily) -> None:
        name = stored.family.name
        self._groups[key].families[name] = stored
        self._users.setdefault(name, {})[key] = stored
        for sample in stored.family.samples:
            self._owners[sample.name, sample.labels] = key

    def _remove_family(self, key: Labels, name: str) -> None:
        stored = self._groups[key].families.pop(name, None)
        if stored is None:
            return
        for sample in stored.family.samples:
            del self._owners[sample.name, sample.labels]
        users = self._users[name]
        del users[key]
        if not users:
            del self._users[name]


def shown_labels(own: Labels, grouping: Mapping[str, str]) -> Labels:
    """A series' labels in the exposition: the group's win, and `instance` is never absent.

    Without it, Prometheus would put the gateway's own address there.
    """
    return tuple(sorted({"instance": "", **dict(own), **grouping}.items()))


def _key(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _complete(family: Family, grouping: Mapping[str, str], now: float) -> StoredFamily:
    samples = []
    for sample in family.samples:
        if sample.timestamped:
            raise InconsistentError("pushed metrics must not have timestamps")
        for name, _ in sample.labels:
            if name.startswith("__"):
                raise InconsistentError(f"label {name!r} of {sample.name!r} is reserved")
        samples.append(Sample(sample.name, shown_labels(sample.labels, grouping), sample.value))
    text = "".join(render_sample(s.name, s.labels, s.value) for s in samples)
    return StoredFamily(Family(family.name, family.kind, family.help, samples), text, now)
