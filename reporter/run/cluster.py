"""What the cluster says of this process: Kubernetes and Slurm, by what they leave it to read."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_HOSTS = "/etc/hosts"
_OF_THE_NODE = b"(host network)"  # the kubelet writes this into the hosts file of such a pod
_LONGEST = 4096  # a list of nodes can be long

_DOWNWARD = {
    "pod": "POD_NAME",
    "namespace": "POD_NAMESPACE",
    "pod_uid": "POD_UID",
    "node": "NODE_NAME",
}
_SLURM_TEXTS = {
    "job_id": "SLURM_JOB_ID",
    "job_name": "SLURM_JOB_NAME",
    "step_id": "SLURM_STEP_ID",
    "cluster": "SLURM_CLUSTER_NAME",
    "partition": "SLURM_JOB_PARTITION",
    "account": "SLURM_JOB_ACCOUNT",
    "qos": "SLURM_JOB_QOS",
    "node_list": "SLURM_JOB_NODELIST",
    "node": "SLURMD_NODENAME",
    "array_job_id": "SLURM_ARRAY_JOB_ID",
}
_SLURM_NUMBERS = {
    "nodes": "SLURM_JOB_NUM_NODES",
    "tasks": "SLURM_NTASKS",
    "restart_count": "SLURM_RESTART_COUNT",
    "array_task_id": "SLURM_ARRAY_TASK_ID",
}


def cluster(environment: Mapping[str, str]) -> dict[str, Any]:
    """All that is known, by the cluster's name; nothing outside of any."""
    found = {"kubernetes": kubernetes(environment), "slurm": slurm(environment)}
    return {name: facts for name, facts in found.items() if facts}


def kubernetes(
    environment: Mapping[str, str], account: str = ACCOUNT, hosts: str = _HOSTS
) -> dict[str, str]:
    """What the downward API says; pod and namespace are found without it, where they can be."""
    found = _texts(environment, _DOWNWARD)
    if not environment.get("KUBERNETES_SERVICE_HOST"):
        return found
    if "namespace" not in found:
        found["namespace"] = _start_of(f"{account}/namespace").decode("ascii", "ignore").strip()
    if "pod" not in found and _OF_THE_NODE not in _start_of(hosts):
        found["pod"] = environment.get("HOSTNAME") or os.uname().nodename
    return {name: text for name, text in found.items() if text}


def slurm(environment: Mapping[str, str]) -> dict[str, Any]:
    """What Slurm says of the job; nothing outside of one."""
    if not environment.get("SLURM_JOB_ID"):
        return {}
    numbers = _texts(environment, _SLURM_NUMBERS)
    counted = {name: int(given) for name, given in numbers.items() if _is_number(given)}
    return {**_texts(environment, _SLURM_TEXTS), **counted}


def _texts(environment: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    given = {name: environment.get(variable, "") for name, variable in variables.items()}
    return {name: text[:_LONGEST] for name, text in given.items() if text}


def _is_number(given: str) -> bool:
    return given.isascii() and given.isdecimal() and len(given) < 20


def _start_of(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(256)
    except OSError:
        return b""
