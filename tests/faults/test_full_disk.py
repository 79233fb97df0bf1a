"""A disk that is full: what it does not take is counted, and the end is still told."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from reporter.names import State
from tests.machine import needs_root, tiny_disk
from tests.runs import Group, Training, counted
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

NOTE = "x" * 20_000


@pytest.mark.root
@needs_root
def test_d2_what_a_full_disk_does_not_take_is_counted(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Notes, parameters and the like are counted as `message_lost`, points as `record_error`, on
    the gateway and in the record; pushes go on, and the end is recorded in room set aside."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    notes = 60
    with tiny_disk(training.records_folder, "512k"), training.told() as told:
        told("report_metric", "loss", 0)
        assert told("flush")
        for _ in range(notes):
            told("note", {"text": NOTE})
        assert told("flush")
        told("report_metric", "loss", 0.37)
        told("report_parameter", "lr", 0.1)
        assert told("flush")
        told.leave()
        record, group = training.ended_record(), training.group(told.run)
        assert counted(record) == (1, 1)
    lost = record.dropped["message_lost"]
    assert len(record.notes) + lost - ("lr" not in record.parameters) == notes
    assert 0 < len(record.notes) < notes
    assert (record.state, record.delivered) == (State.SUCCEEDED, True)
    assert record.dropped["record_error"] == 1
    _shows(group, lost)


def test_d2_d7_a_limit_on_file_sizes_is_like_a_full_disk(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """`ulimit -f` in a job's script: what no longer fits is counted, and the gateway has the
    newest values and the end."""
    training = Training(tmp_path, pushgateway.url, interval=1)
    with training.told() as told:
        told("report_metric", "loss", 0)
        assert told("flush")
        hard = resource.prlimit(told.sender, resource.RLIMIT_FSIZE)[1]
        events = Path(training.record(told.run).folder) / "events.jsonl"
        size = events.stat().st_size
        resource.prlimit(told.sender, resource.RLIMIT_FSIZE, (size, hard))
        told("note", {"text": NOTE})
        told("report_metric", "loss", 0.37)
        told("report_parameter", "lr", 0.1)
        told.leave()
        group = training.group(told.run)
        assert events.stat().st_size == size
    _shows(group, 4)  # the note, the parameter, the sum of what was dropped, the end
    assert (group.state, group.parameters("lr")) == (State.SUCCEEDED, ["0.1"])


def _shows(group: Group, lost: int) -> None:
    assert group.value("reporter_dropped_total", reason="message_lost") == lost
    assert (group.state, group.metric("loss")) == (State.SUCCEEDED, 0.37)
