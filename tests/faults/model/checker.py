"""Compares what is found of a run with what it was told: records, pushes and the gateway's group.

Nothing invented, order kept, the last value wins, one honest end, every loss counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reporter.names import State
from reporter.record import events
from reporter.record.events import Event, EventReader
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from tests.faults.model.expected import Attempt, End, Expected, step_of
from tests.front import Push, Pushed
from tests.runs import Group, counted


def check_quiet(expected: Expected, record: RunRecord, group: Group, dropped: int) -> None:
    """After a flush that said yes: all of it is recorded, and on the gateway."""
    check_values(expected, [record])
    _check_sum(expected, counted(record)[0] + dropped)
    assert group.state is State.RUNNING
    _check_newest(expected, group)


def check_end(
    expected: Expected, records: Sequence[RunRecord], group: Group, pushes: Iterable[Push]
) -> None:
    """Once trainer and senders are gone, the disk is well, and `reporter push` has been."""
    check_values(expected, records)
    # One that went on where the disk was better counts its attempts anew.
    alone = len(records) < 2 or len(expected.attempts) < 2
    ends = check_pushes(expected, pushes, alone=alone)
    honest = {end for each in expected.attempts for end in each.ends}
    assert honest.issuperset(ends.values()), f"{ends} is not honest"
    if not records:  # its sender was ended before it could begin
        assert all(each.cut for each in expected.attempts), "there is no record"
        return
    if len(records) == 1:
        _check_ends(expected, _ends_in(records[0]), ends)
    shown = (group.state, group.reason) if group.samples else None
    forgotten = shown is None and expected.attempt.cut  # with the gateway, and nothing followed
    assert shown == ends.get(max(ends, default=0)) or forgotten, f"the gateway shows {shown}"
    if forgotten:
        return
    if not expected.forgetful:
        _check_losses(expected, records)
        _check_newest_recorded(expected, records)
        if alone:  # else the last attempt could not know what the others had told
            _check_newest(expected, group, records[-1] if expected.cut else None)


def check_values(expected: Expected, records: Sequence[RunRecord]) -> None:
    """Every value in the records was reported, with its step, in order, once."""
    for record in records:
        assert record.damage == 0
        for name, points in record.points.items():
            values = list(points.values)
            assert values == sorted(set(values)), f"{name} is out of order"
            assert set(expected.metrics.get(name, ())).issuperset(values), f"{name}: invented"
            assert points.steps == [step_of(int(value)) for value in values]
            # Each sender keeps its own clock from running backwards.
            one_sender = len(expected.attempts) == 1 and not expected.sender_killed
            assert not one_sender or list(points.times) == sorted(points.times), "time went back"
        for name, value in record.parameters.items():
            assert value in expected.parameters.get(name, ()), f"{name}: invented"
    found = [
        value for record in records for points in record.points.values() for value in points.values
    ]
    assert len(found) == len(set(found)), "a point is in two records"


def check_pushes(expected: Expected, pushes: Iterable[Push], *, alone: bool) -> dict[int, End]:
    """Nothing that was ever pushed was invented, and no newer value was followed by an older.

    The end of each attempt that was pushed: the first is the last.
    """
    ends: dict[int, End] = {}
    newest: dict[str, float] = {}
    for push in pushes:
        if push.request.method != "PUT":
            continue  # a POST holds some of the families; a DELETE none
        told = Pushed(push)
        attempt = int(told.value("reporter_run_attempt") or 0)
        if attempt in ends and alone:
            assert (told.state, told.reason) == ends[attempt], "an end was taken back"
        elif told.reason is not None:
            assert told.state is not None
            ends[attempt] = told.state, told.reason
        _check_pushed(expected, told, newest)
    return ends


def _check_pushed(expected: Expected, told: Pushed, newest: dict[str, float]) -> None:
    for name, values in expected.metrics.items():
        value = told.metric(name)
        if value is None:
            continue
        assert value in set(values), f"{name}: {value} is invented"
        if not expected.forgetful:
            assert value >= newest.get(name, 0), f"{name} went back"
        newest[name] = value
    known = {*expected.metrics, *expected.parameters}
    for sample in told.samples:
        reported = sample.labels.get("metric_name") or sample.labels.get("param_name")
        assert reported is None or reported in known, f"{sample} is invented"
    reports = told.value("reporter_reports_total") or 0
    assert reports <= expected.reports + expected.late


def _check_losses(expected: Expected, records: Sequence[RunRecord]) -> None:
    """What is recorded and what is counted as dropped add up to what was reported."""
    _check_flushed_parameters(expected, records)
    if not expected.keeps_points:
        return
    if not expected.cut:
        _check_sum(expected, sum(sum(counted(record)) for record in records))
    flushed = {v for name, n in expected.sure_metrics.items() for v in expected.metrics[name][:n]}
    found = {v for record in records for each in record.points.values() for v in each.values}
    lost = len(flushed - found)
    assert expected.disk_failed or lost <= expected.sure_losses, f"{lost} were flushed and lost"


def _check_flushed_parameters(expected: Expected, records: Sequence[RunRecord]) -> None:
    """Each is recorded as it was flushed last, or as it was set later."""
    if expected.disk_failed:
        return
    for name, count in expected.sure_parameters.items():
        flushed = expected.parameters[name][count - 1]
        newest = max((record.parameters.get(name, 0) for record in records), default=0)
        assert newest >= flushed, f"{name} was flushed as {flushed}, and {newest} is recorded"


def _check_sum(expected: Expected, found: int) -> None:
    reports = expected.reports
    assert reports <= found <= reports + expected.late, f"{found} of {reports} are accounted for"


def _check_newest_recorded(expected: Expected, records: Sequence[RunRecord]) -> None:
    lost = [
        record.dropped.get(reason, 0)
        for record in records
        for reason in ("record_error", "record_limit", "message_lost")
    ]
    if expected.cut or any(lost):
        return
    metrics: dict[str, float] = {}
    parameters: dict[str, float] = {}
    for record in records:  # in no order of time; but the values are
        for name, (value, _) in record.newest.items():
            metrics[name] = max(value, metrics.get(name, 0))
        for name, value in record.parameters.items():
            parameters[name] = max(value, parameters.get(name, 0))
    assert metrics == {name: values[-1] for name, values in expected.metrics.items()}
    assert parameters == {name: values[-1] for name, values in expected.parameters.items()}


def _check_newest(expected: Expected, group: Group, record: RunRecord | None = None) -> None:
    """The last value wins; or of what died with its sender, the last one that is recorded."""
    newest = record.newest if record else {}
    for name, values in expected.metrics.items():
        allowed = {values[-1], newest.get(name, (None, None))[0] if record else values[-1]}
        assert group.metric(name) in allowed, f"{name}: the last value did not win"
    for name, values in expected.parameters.items():
        wanted = [[str(values[-1])]]
        if record:
            wanted.append([str(record.parameters[name])] if name in record.parameters else [])
        assert group.parameters(name) in wanted, f"{name}: the last value did not win"


def _ends_in(record: RunRecord) -> list[list[End]]:
    """The ends of each attempt."""
    ends: list[list[End]] = []
    for event in _events(record):
        if event.kind == events.START:
            ends.append([])
        elif event.kind == events.END:
            ends[-1].append((State(event.fields["state"]), str(event.fields["reason"])))
    return ends


def _check_ends(expected: Expected, found: list[list[End]], pushed: dict[int, End]) -> None:
    """Each attempt has one end, an honest one, and where it was pushed it was the same."""
    assert _is_told_by(expected.attempts, found), f"{found} is not honest"
    assert not found or found[-1], "the record has no end"
    for number, end in pushed.items():
        assert found[number - 1] == [end], f"{end} was pushed, and {found} recorded"


def _is_told_by(attempts: list[Attempt], found: list[list[End]]) -> bool:
    """Whether these ends may be those of the attempts.

    Of one that lost both processes there may be no end, or nothing at all.
    """
    if not attempts:
        return not found
    first, ends = attempts[0], found[0] if found else None
    honest = ends is not None and (first.cut if not ends else ends in [[end] for end in first.ends])
    if honest and _is_told_by(attempts[1:], found[1:]):
        return True
    return first.cut and _is_told_by(attempts[1:], found)


def _events(record: RunRecord) -> list[Event]:
    with open(RunPaths.of_folder(record.folder).events, "rb") as file:
        return list(EventReader(file))
