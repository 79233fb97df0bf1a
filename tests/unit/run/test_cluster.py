"""What the cluster says of a process: by the environment, and what lies in a pod."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reporter.run.cluster import cluster, kubernetes, slurm

DOWNWARD = {
    "POD_NAME": "train-0-xyz",
    "POD_NAMESPACE": "lab",
    "POD_UID": "6a9c6f3e-0000",
    "NODE_NAME": "node-b",
}
IN_KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "train-0"}


def test_outside_of_any_cluster_nothing_is_known() -> None:
    """A host's name alone makes no pod, and a variable of Slurm's no job."""
    assert cluster({"HOSTNAME": "laptop", "SLURM_CLUSTER_NAME": "a", "NODE_NAME": ""}) == {}


def test_the_downward_api_is_believed(tmp_path: Path) -> None:
    """Whatever lies in the pod; also where Kubernetes shows itself by nothing else."""
    (tmp_path / "namespace").write_text("other")
    told = {"pod": "train-0-xyz", "namespace": "lab", "pod_uid": "6a9c6f3e-0000", "node": "node-b"}
    assert kubernetes({**DOWNWARD, **IN_KUBERNETES}, str(tmp_path)) == told
    assert cluster(DOWNWARD) == {"kubernetes": told}


def test_pod_and_namespace_are_found_without_it(tmp_path: Path) -> None:
    """By the host's name, and by the file of the service account."""
    (tmp_path / "namespace").write_text("lab\n")
    (tmp_path / "hosts").write_text("# Kubernetes-managed hosts file.\n127.0.0.1 localhost\n")
    place = (str(tmp_path), str(tmp_path / "hosts"))
    assert kubernetes(IN_KUBERNETES, *place) == {"pod": "train-0", "namespace": "lab"}
    nameless = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert kubernetes(nameless, *place)["pod"] == os.uname().nodename


@pytest.mark.parametrize("hosts", ["(host network).", ""])
def test_a_nodes_name_is_not_taken_for_a_pods(hosts: str, tmp_path: Path) -> None:
    """In the host's network its name is that of the node; the kubelet says that it is."""
    file = tmp_path / "hosts"
    file.write_text(f"# Kubernetes-managed hosts file {hosts}\n127.0.0.1 localhost\n")
    found = kubernetes(IN_KUBERNETES, str(tmp_path / "none"), str(file))
    assert found == ({} if hosts else {"pod": "train-0"})


def test_slurm_tells_the_job() -> None:
    """Texts as they are, counts as numbers; what is no number is no count."""
    told = {
        "SLURM_JOB_ID": "1234_x",
        "SLURM_JOB_NAME": "train",
        "SLURM_STEP_ID": "0",
        "SLURM_CLUSTER_NAME": "big",
        "SLURM_JOB_PARTITION": "gpu",
        "SLURM_JOB_ACCOUNT": "lab",
        "SLURM_JOB_QOS": "normal",
        "SLURM_JOB_NODELIST": "gpu[01-04]," + "n" * 5000,
        "SLURMD_NODENAME": "gpu01",
        "SLURM_JOB_NUM_NODES": "4",
        "SLURM_NTASKS": "32",
        "SLURM_RESTART_COUNT": "many",
        "SLURM_ARRAY_JOB_ID": "1230",
        "SLURM_ARRAY_TASK_ID": "7",
    }
    found = slurm(told)
    assert len(found.pop("node_list")) == 4096
    assert found == {
        "job_id": "1234_x",
        "job_name": "train",
        "step_id": "0",
        "cluster": "big",
        "partition": "gpu",
        "account": "lab",
        "qos": "normal",
        "node": "gpu01",
        "nodes": 4,
        "tasks": 32,
        "array_job_id": "1230",
        "array_task_id": 7,
    }
    assert cluster({**told, **DOWNWARD}).keys() == {"kubernetes", "slurm"}
