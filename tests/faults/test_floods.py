"""Floods of names and of reports: bounded in memory, and counted to the last one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from reporter.board.layout import METRICS
from tests.runs import Training, child, counted
from tests.services.programs import Pushgateway, StartPushgateway

pytestmark = [pytest.mark.service, pytest.mark.slow]

NAMES = 200_000
SERIES = 1000  # the limit that is set where none is
MOST_MIB = 32
LOSSES = {
    "ring_full": "reports are not in the history",
    "series_limit": "series are not on the gateway",
    "message_lost": "parameters, tags or the like are not in the record",
}


def flooded(training: Training, kind: str, count: int) -> None:
    """The flood took little, and at its end one line said what was lost of each kind."""
    ended = training.run(child("floods.py", kind, count))
    assert ended.code == 0, ended.err
    took: dict[str, float] = json.loads(ended.out)
    sys.stdout.write(f"measured: {count:,} {kind}: {took}\n")
    assert took["trainer"] < MOST_MIB
    assert took["sender"] < MOST_MIB
    record = training.record()
    losses = [
        f"{record.dropped[why]} {what}" for why, what in LOSSES.items() if record.dropped[why]
    ]
    said = [
        line.partition(f"reporter: run {training.runs()[0]}: ")[2]
        for line in ended.err.splitlines()
    ]
    assert [line.partition(" (")[0] for line in said] == losses


def test_f15_every_new_name_is_shown_or_counted(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """16,383 names have room in a run, a thousand series on the gateway; the reports under all
    others are counted exactly and said once at the end, and neither process grows with them.

    200,000 names here; a million took 10 s and no more memory.
    """
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, exit_timeout=20)
    flooded(training, "metrics", NAMES)
    record, group = training.record(), training.group()
    kept = METRICS - 1
    assert counted(record) == (kept + 1, NAMES + 1 - kept)
    assert record.newest == {
        "before": (2, None),
        **{f"name-{n}": (n, None) for n in range(kept - 1)},
    }
    assert len([each for each in group.samples if "metric_name" in each.labels]) == SERIES
    assert group.value("reporter_dropped_total", reason="series_limit") == kept - SERIES
    assert group.value("reporter_dropped_total", reason="ring_full") == NAMES + 1 - kept
    assert group.value("reporter_reports_total") == NAMES + 2
    assert group.metric("before") == 2


@pytest.mark.parametrize("kind", ["parameters", "tags"])
def test_f15_new_parameters_and_tags_without_end(
    kind: str, tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Parameters and tags without end are bounded as metrics are: a thousand series are on the
    gateway, and each of the others is counted as over the limit or as lost, and said so.

    100,000 names here.
    """
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, exit_timeout=20)
    flooded(training, kind, NAMES // 2)
    group = training.group()
    label = "param_name" if kind == "parameters" else "tag"
    shown = [each for each in group.samples if label in each.labels or "metric_name" in each.labels]
    assert len(shown) == SERIES
    lost = group.value("reporter_dropped_total", reason="message_lost") or 0
    over = group.value("reporter_dropped_total", reason="series_limit")
    assert over == NAMES // 2 + 1 - SERIES - lost
    assert group.metric("before") == 2


@pytest.mark.parametrize("points", ["true", "false"])
def test_f16_a_million_reports_as_fast_as_possible(
    points: str, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """The newest value arrives; with points, those recorded and those counted as dropped are all
    that were reported, exactly."""
    reports = 1_000_000
    training = Training(tmp_path, pushgateway.url, exit_timeout=20, points=points)
    flooded(training, "one", reports)
    record, group = training.record(), training.group()
    assert group.metric("count") == record.newest["count"][0] == reports - 1
    if points == "true":
        recorded, dropped = counted(record)
        assert recorded + dropped == reports + 2
        assert group.value("reporter_reports_total") == reports + 2
        assert list(record.points["count"].values) == sorted(set(record.points["count"].values))
