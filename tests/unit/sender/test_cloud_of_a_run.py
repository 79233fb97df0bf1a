"""Cloud and cluster in a whole run: told in the record, on the gateway, and never waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.altered import altered_copy
from tests.misbehaving import Misbehaving
from tests.processes import open_files
from tests.runs import Training
from tests.services.programs import Pushgateway
from tests.unit.sender.clouds import ec2, running
from tests.waiting import wait_for

pytestmark = pytest.mark.slow  # they start training processes

IN_A_JOB = {
    "SLURM_JOB_ID": "1234",
    "SLURM_JOB_NODELIST": "gpu[01-04]",
    "SLURM_NTASKS": "1",
    "SLURM_ARRAY_TASK_ID": "7",
}


def _environment(training: Training) -> dict[str, Any]:
    if not training.records():
        return {}
    found: dict[str, Any] = training.record().identity.get("environment", {})
    return found


def test_a_record_tells_the_machine_and_the_job(tmp_path: Path) -> None:
    """Where the machine was asked for; the job is told in any case."""
    with running(ec2()) as cloud:
        asked = {"REPORTER_CLOUD": "true", "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}
        training = Training(tmp_path)
        with training.told(**asked, **IN_A_JOB) as told:
            wait_for(lambda: "cloud" in _environment(training), 20, "the cloud in the record")
            told.leave()
    environment = _environment(training)
    assert environment["cloud"]["provider"] == "aws"
    assert environment["cloud"]["lifecycle"] == "spot"
    assert environment["cluster"]["slurm"]["node_list"] == "gpu[01-04]"
    assert environment["cluster"]["slurm"]["array_task_id"] == 7
    assert environment["python"]


@pytest.mark.parametrize("settings", [{}, {"cloud": "true", "mode": "offline"}], ids=str)
def test_by_default_and_offline_nothing_is_asked(settings: dict[str, str], tmp_path: Path) -> None:
    """No connection comes, and offline the sender has no socket; the job is told nevertheless."""
    with running(ec2()) as cloud:
        training = Training(tmp_path, **settings)
        at = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}
        with training.told(**at, **IN_A_JOB) as told:
            wait_for(lambda: "cluster" in _environment(training), 20, "the facts in the record")
            opened = open_files(told.sender)
            told.leave()
        assert cloud.requests == []
    assert not [path for path in opened if path.startswith("socket:")]
    assert "cloud" not in _environment(training)


def test_an_end_does_not_wait_for_a_cloud(tmp_path: Path) -> None:
    """A sender that is still asking leaves with its run, though it may ask for ten minutes."""
    long = altered_copy(
        tmp_path,
        ("sender/cloud/server.py", "_EACH_S = 1.0", "_EACH_S = 600.0"),
        ("sender/cloud/server.py", "_ALL_S = 3.0", "_ALL_S = 600.0"),
    )
    with Misbehaving("silent") as cloud:
        training = Training(tmp_path, cloud="true")
        with training.told(**long, AWS_EC2_METADATA_SERVICE_ENDPOINT=cloud.url) as told:
            wait_for(lambda: cloud.requests, 20, "the question")
            told.leave()
            wait_for(lambda: not open_files(told.sender), 20, "the sender's end")
    assert training.record().end_time
    assert "cloud" not in _environment(training)


@pytest.mark.service
def test_a_pod_without_the_downward_api_is_named_on_the_gateway(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """By the host's name, which Kubernetes gives it; the node is what the downward API says."""
    training = Training(tmp_path, pushgateway.url)
    pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "HOSTNAME": "train-0", "NODE_NAME": "node-b"}
    with training.told(**pod) as told:
        told.leave()
        shown = training.group(told.run)
    assert shown.value("reporter_run_info", pod="train-0", namespace="", node="node-b") == 1
    assert training.record().identity["pod"] == "train-0"
