"""`reporter push`: what runs could not deliver reaches a real Pushgateway, once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from reporter.names import GROUP_LABELS, State
from reporter.record import events
from reporter.record.hold import hold
from reporter.record.load import RunRecord, find_records, load
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter
from tests.runs import Group, Told, Training
from tests.services.command import reporter
from tests.services.programs import Pushgateway, StartPushgateway, fetch, free_port
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]

STARTED = 1_700_000_000.0
LIMIT = 2 << 30


def _push(training: Training, *arguments: str, gateway: str = "") -> dict[str, Any]:
    """What it did, by run; the exit code under `code`."""
    to = gateway or training.gateway or ""
    ran = reporter("push", training.records_folder, "--json", *arguments, REPORTER_GATEWAY=to)
    assert ran.stdout, ran.stderr
    told = json.loads(ran.stdout)
    return {"code": ran.returncode, **{one["run"]: one for one in told["records"]}}


def _report(training: Training, told: Told) -> None:
    told("report_metric", "loss", 0.5, 7)
    told("report_parameter", "lr", 0.1)
    told("tag", "team", "vision")
    told("milestone", "data ready")
    told("stage", "train")
    # Git takes its time on a busy machine, and a run that ends at once does not wait for it.
    told("flush")
    wait_for(lambda: "environment" in training.record(told.run).identity, what="the environment")


def _timeless(group: Group) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The series without the group's own labels, the run's own name and the times."""
    own = {*GROUP_LABELS, "instance", "run_name"}
    return {
        (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k not in own))): (
            0.0 if sample.name.endswith("_time_seconds") else sample.value
        )
        for sample in group.samples
    }


def _offline_run(training: Training) -> str:
    with training.told(REPORTER_MODE="offline") as told:
        _report(training, told)
        told.leave()
    return str(told.run)


def _killed_run(training: Training) -> str:
    """A run that died together with its sender, amid its stage `train`."""
    with training.told() as told:
        told("stage", "train")
        told("report_metric", "loss", 0.75, 3)
        assert told("flush")
        os.kill(told.sender, signal.SIGKILL)
        told.process.kill()
        told.process.wait()
    return str(told.run)


def _write_record(training: Training, run: str, attempts: int = 1, **metrics: float) -> RunRecord:
    """The record of a run that succeeded, each attempt of which had a pod of its own."""
    paths = RunPaths(str(training.records_folder), "project", run, 0)
    for attempt in range(1, attempts + 1):
        writer = RecordWriter(paths, limit_bytes=LIMIT, attempt=attempt)
        pod = f"{run}-pod-{attempt}"
        group = {"job": "reporter_pod_info", "podUUID": pod, "run": run, "rank": "0"}
        writer.event(events.START, STARTED, attempt=attempt, token="t", group=group)
        for tag, (name, value) in enumerate(metrics.items(), 1):
            writer.name(tag, name)
            writer.points(tag, 1, STARTED + 60, False, [tag], [value], [-(2**63)])
        writer.event(events.DROPPED, STARTED + 90, ring_full=4)
        writer.event(events.END, STARTED + 100, state=2, reason="returned", detail="")
        writer.close()
    return load(paths.folder)


def test_an_offline_run_is_delivered_once(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """All that it reported arrives with its end; the second push finds nothing to do."""
    training = Training(tmp_path, pushgateway.url)
    run = _offline_run(training)
    assert Training(tmp_path, pushgateway.url).group(run).samples == []
    done = _push(training)
    assert done["code"] == 0
    assert (done[run]["done"], done[run]["closed"]) == ("delivered", False)
    group, record = training.group(run), training.record(run)
    assert group.metric("loss") == 0.5
    assert group.parameters("lr") == ["0.1"]
    assert group.value("reporter_run_tag_info", tag="team", value="vision") == 1
    assert group.value("reporter_run_milestone_time_seconds") == record.milestones[0][0]
    assert (group.state, group.reason) == (State.SUCCEEDED, "returned")
    assert group.value("reporter_run_step") == 7
    assert group.value("reporter_run_end_time_seconds") == record.end_time
    assert record.delivered
    before = group.value("push_time_seconds")
    assert _push(training)[run]["done"] == "already delivered"
    assert training.group(run).value("push_time_seconds") == before


def test_the_pushed_group_is_what_its_own_sender_would_have_pushed(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Every series, but for two that only a living sender can know; facts and values alike."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        _report(training, told)
        told.leave()
    offline_run = _offline_run(training)
    assert _push(training)["code"] == 0
    theirs, ours = _timeless(training.group(told.run)), _timeless(training.group(offline_run))
    assert theirs.pop(("reporter_reports_total", ())) == 1
    theirs.pop(("reporter_push_seconds", ()), None)  # only if it has pushed more than once
    assert ours == theirs


def test_a_run_killed_with_its_sender_is_closed_and_delivered(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """Until then it shows as running; its end is the time of its last sign of life."""
    training = Training(tmp_path, pushgateway.url)
    run = _killed_run(training)
    assert training.group(run).state is State.RUNNING
    wait_for(lambda: training.record(run).newest, what="the point in the record")
    done = _push(training)
    assert done["code"] == 0
    assert (done[run]["done"], done[run]["closed"]) == ("delivered", True)
    group, record = training.group(run), training.record(run)
    assert (group.state, group.reason) == (State.FAILED, "died")
    assert group.metric("loss") == 0.75
    assert record.end_time == max(record.points["loss"].times[-1], record.stages[-1][0])
    assert (record.attempt, record.reason, record.delivered) == (1, "died", True)
    again = _push(training)
    assert (again["code"], again[run]["done"]) == (0, "already delivered")


def test_a_live_run_is_left_alone(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """It is told as live, its record is not touched, and it goes on to its own end."""
    training = Training(tmp_path, pushgateway.url)
    with training.told() as told:
        told("report_metric", "loss", 1.0)
        assert told("flush")
        events_before = Path(RunPaths.of_folder(training.record().folder).events).read_bytes()
        done = _push(training)
        assert (done["code"], done[told.run]["done"]) == (0, "live")
        assert _push(training, "--dry-run")[told.run]["done"] == "live"
        events_after = Path(RunPaths.of_folder(training.record().folder).events).read_bytes()
        assert events_after == events_before
        told("report_metric", "loss", 2.0)
        told.leave()
    assert training.group(told.run).metric("loss") == 2.0
    assert training.record().state is State.SUCCEEDED


def test_a_dry_run_changes_nothing(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """It says what it would push, writes nothing, pushes nothing, and exits with 0."""
    training = Training(tmp_path, pushgateway.url)
    run = _killed_run(training)
    folder = training.record(run).folder
    before = {name: os.stat(os.path.join(folder, name)) for name in os.listdir(folder)}
    done = _push(training, "--dry-run")
    assert (done["code"], done[run]["done"]) == (0, "not delivered yet")
    assert done[run]["closed"] is True
    now = {name: os.stat(os.path.join(folder, name)) for name in os.listdir(folder)}
    assert {n: (s.st_size, s.st_mtime_ns) for n, s in now.items()} == {
        n: (s.st_size, s.st_mtime_ns) for n, s in before.items()
    }
    assert training.group(run).state is State.RUNNING


def test_one_bad_record_never_stops_the_others(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The one is told with its problem and makes the exit code 1; the next is delivered."""
    training = Training(tmp_path, pushgateway.url)
    bad = _write_record(training, "bad-1-of-deliver", loss=1.0)
    Path(RunPaths.of_folder(bad.folder).points).write_bytes(b"RPTS\xff\xff")
    groupless = _write_record(training, "bad-2-of-deliver", loss=1.0)
    told = Path(RunPaths.of_folder(groupless.folder).events)
    told.write_text(told.read_text().replace('"group"', '"gruppe"'))
    _write_record(training, "good-of-deliver", loss=2.0)
    done = _push(training)
    assert done["code"] == 1
    assert done["bad-1-of-deliver"]["done"] == "failed"
    assert "another version" in done["bad-1-of-deliver"]["problem"]
    assert done["bad-2-of-deliver"]["problem"] == "events.jsonl does not say whose group this is"
    assert done["good-of-deliver"]["done"] == "delivered"
    assert training.group("good-of-deliver").metric("loss") == 2.0


def test_an_empty_record_is_none_of_its_business(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A record in which no run ever began has nothing to deliver, and is not written into."""
    training = Training(tmp_path, pushgateway.url)
    paths = RunPaths(str(training.records_folder), "project", "empty-of-deliver", 0)
    os.close(hold(paths))
    done = _push(training)
    assert (done["code"], done["empty-of-deliver"]["done"]) == (0, "empty")
    assert os.path.getsize(paths.events) == 0


def test_e3_a_gateway_that_is_away_leaves_it_for_the_next_push(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """`reporter push` says what is wrong, with exit code 1, and finds all of it the next time."""
    training = Training(tmp_path, pushgateway.url)
    run = _killed_run(training)
    away = _push(training, gateway=f"http://127.0.0.1:{free_port()}")
    assert (away["code"], away[run]["done"]) == (1, "failed")
    assert away[run]["problem"] == "connection refused"
    assert training.record(run).reason == "died"
    assert not training.record(run).delivered
    done = _push(training)
    assert (done["code"], done[run]["done"], done[run]["closed"]) == (0, "delivered", False)


def test_without_a_gateway_it_says_so(tmp_path: Path) -> None:
    """Exit code 1, and what to set."""
    training = Training(tmp_path)
    run = _offline_run(training)
    ran = reporter("push", training.records_folder)
    assert ran.returncode == 1
    assert run in ran.stdout
    assert ran.stderr == (
        "reporter: no gateway is set: use --gateway, set REPORTER_GATEWAY, or start `reporter up`\n"
    )


def test_nothing_to_push_is_fine(tmp_path: Path) -> None:
    """A folder without records: said, exit code 0."""
    ran = reporter("push", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (
        0,
        f"There are no records below {tmp_path / 'reporter_runs'}.\n",
    )


def test_what_was_dropped_is_told(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """The losses that the record counts show on the gateway."""
    training = Training(tmp_path, pushgateway.url)
    _write_record(training, "drops-of-deliver", loss=2.0)
    _push(training)
    group = training.group("drops-of-deliver")
    assert group.value("reporter_dropped_total", reason="ring_full") == 4


def test_f15_series_beyond_the_limit_are_counted(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Series beyond the limit stay in the record; how many they are shows on the gateway."""
    training = Training(tmp_path, pushgateway.url)
    _write_record(training, "limit-of-deliver", a=1.0, b=2.0, c=3.0)
    ran = reporter(
        "push",
        training.records_folder,
        REPORTER_GATEWAY=pushgateway.url,
        REPORTER_SERIES_LIMIT="2",
    )
    assert ran.returncode == 0
    group = training.group("limit-of-deliver")
    assert (group.metric("b"), group.metric("c")) == (2.0, None)
    assert group.value("reporter_dropped_total", reason="series_limit") == 1


def test_e19_the_group_of_the_attempt_before_is_removed(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A run continued in another pod owns one group: that of its newest attempt."""
    training = Training(tmp_path, pushgateway.url)
    first = _write_record(training, "attempts-of-deliver", loss=1.0)
    _push(training)
    assert training.group("attempts-of-deliver").value("reporter_run_attempt") == 1
    shutil.rmtree(first.folder)
    _write_record(training, "attempts-of-deliver", attempts=2, loss=3.0)
    done = _push(training)
    assert done["attempts-of-deliver"]["done"] == "delivered"
    shown = [
        group["labels"]["podUUID"]
        for group in pushgateway.groups()
        if group["labels"].get("run") == "attempts-of-deliver"
    ]
    assert shown == ["attempts-of-deliver-pod-2"]
    assert training.group("attempts-of-deliver").value("reporter_run_attempt") == 2


def test_e11_a_family_that_the_gateway_refuses_does_not_keep_the_rest_back(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """`reporter push` finds the refused family by halves and counts it; the others arrive."""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url)
    taken = "reporter_push_gateway_metric_taken"
    _put(gateway, f"# TYPE {taken} counter\n{taken} 1\n")
    _write_record(training, "refused", taken=1.0, loss=2.0)
    done = _push(training)
    assert (done["code"], done["refused"]["done"]) == (0, "delivered")
    group = training.group("refused")
    assert (group.metric("loss"), group.metric("taken")) == (2.0, None)
    assert group.value("reporter_rejected_families") == 1
    assert group.value("reporter_dropped_total", reason="quarantined") == 1


def _put(gateway: Pushgateway, text: str) -> None:
    url = gateway.url + "/metrics/job/other"
    request = urllib.request.Request(url, text.encode(), method="PUT")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
    assert "other" in fetch(gateway.url + "/metrics")


def test_records_are_found_below_the_setting(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Without an argument, where REPORTER_DIR says that records go."""
    training = Training(tmp_path, pushgateway.url)
    _write_record(training, "default-of-deliver", loss=2.0)
    ran = reporter(
        "push", REPORTER_DIR=str(training.records_folder), REPORTER_GATEWAY=pushgateway.url
    )
    assert ran.returncode == 0
    assert "delivered" in ran.stdout
    (folder,) = find_records(str(training.records_folder))
    assert load(folder).delivered
