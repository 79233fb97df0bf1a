"""Under any load, what is recorded and what is counted as dropped add up to what was reported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reporter.board.layout import POINTS
from reporter.names import State
from reporter.record import events
from reporter.record.load import Points
from tests.runs import Training, child, counted
from tests.services.programs import Pushgateway

pytestmark = [pytest.mark.service, pytest.mark.slow]

THREADS, REPORTS = 16, 20_000
LAST = REPORTS // 4 - 0.5  # what each thread reports last of its own


def test_c9_threads_lose_no_report_uncounted(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Whatever the number of threads: the sum of recorded and counted reports is exact, each
    metric is in order, and the newest values are right.

    Sixteen threads at full speed, on metrics of their own and a shared one, with and without steps.
    """
    training = Training(tmp_path, pushgateway.url, exit_timeout=10)
    ended = training.run(child("threads.py", THREADS, REPORTS))
    assert ended.code == 0, ended.err
    assert "reports are not in the history" in ended.err or not ended.err
    record, group = training.record(), training.group()
    assert sum(counted(record)) == THREADS * REPORTS + 1
    for k in range(THREADS):
        own = list(record.points.get(f"own-{k}", Points()).values)
        assert own == sorted(own)
        assert len(own) == len(set(own))
        assert group.metric(f"own-{k}") == record.newest[f"own-{k}"][0] == LAST
    assert group.metric("shared") == record.newest["shared"][0] == -1
    assert group.value("reporter_reports_total") == THREADS * REPORTS + 1


def test_b2_f16_a_stopped_sender_costs_history_and_never_the_newest(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Reports never wait: 262,144 points are kept for it, the rest is counted exactly, and once
    it goes on the newest values are right."""
    reports = 1_000_000
    training = Training(tmp_path, pushgateway.url, exit_timeout=10)
    ended = training.run(child("senders.py", "stopped", reports, 0))
    assert ended.code == 0, ended.err
    sys.stdout.write(f"measured: a million reports to a stopped sender: {ended.out.strip()} s\n")
    assert float(ended.out) < 20  # 20 us each, on a machine that is busy with other tests
    assert "reports are not in the history" in ended.err
    record, group = training.record(), training.group()
    recorded, dropped = counted(record)
    assert recorded + dropped == reports
    assert dropped == record.dropped["ring_full"] == reports - 1000 - POINTS
    assert list(record.points["count"].values) == list(range(recorded))
    assert record.newest["count"] == (reports - 1, reports - 1)
    assert group.metric("count") == group.value("reporter_run_step") == reports - 1
    assert group.value("reporter_dropped_total", reason="ring_full") == dropped
    assert group.parameters("epsilon") == ["0.2"]


def test_b1_a_killed_sender_has_a_successor_that_repeats_nothing(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """At the latest at the end a new sender takes the same memory, run and record; nothing is
    lost or twice."""
    reports = 100_000
    training = Training(tmp_path, pushgateway.url, exit_timeout=10)
    ended = training.run(child("senders.py", "killed", reports, 0))
    assert (ended.code, ended.err) == (0, "")
    record, group = training.record(), training.group()
    assert counted(record) == (reports, 0)
    assert list(record.points["count"].values) == list(range(reports))
    assert record.points["count"].steps == [None] * 1000 + list(range(1000, reports))
    assert record.parameters == {"lr": 0.1, "epsilon": 0.2}
    assert (record.state, record.attempt, record.delivered) == (State.SUCCEEDED, 1, True)
    assert [len(training.events(kind)) for kind in (events.START, events.END)] == [1, 1]
    assert (group.state, group.metric("count")) == (State.SUCCEEDED, reports - 1)
    assert group.value("reporter_run_attempt") == 1
    assert (group.parameters("lr"), group.parameters("epsilon")) == (["0.1"], ["0.2"])


def test_b2_f17_the_newest_parameters_survive_a_full_area(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """However many parameters it could not take, the newest of each name is the truth."""
    training = Training(tmp_path, pushgateway.url, exit_timeout=10)
    ended = training.run(child("senders.py", "stopped", 2000, 20_000))
    assert (ended.code, ended.err) == (0, "")
    record, group = training.record(), training.group()
    assert record.parameters == {"lr": 0.1, "depth": 19_999, "other": "19999", "epsilon": 0.2}
    shown = [group.parameters(name) for name in ("depth", "other", "epsilon")]
    assert shown == [["19999"], ["19999"], ["0.2"]]


def test_b2_what_is_no_point_does_not_spoil_the_count_of_points(tmp_path: Path) -> None:
    """Parameters that found no room are not among the dropped points."""
    training = Training(tmp_path, mode="offline")
    training.run(child("senders.py", "stopped", 2000, 20_000))
    assert counted(training.record()) == (2000, 0)
