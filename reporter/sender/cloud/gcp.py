"""Compute Engine. Asked fact by fact: its whole answer would hold keys, and scripts of users."""

from __future__ import annotations

from reporter.sender.cloud.server import MetadataServer, word
from reporter.sinks.problems import NoAnswer

_FLAVOR = {"Metadata-Flavor": "Google"}
_LIFECYCLES = {"TRUE": "spot", "FALSE": "on-demand"}  # a Spot VM is preemptible, as older ones are


def facts(server: MetadataServer) -> dict[str, str]:
    """What it says of the machine, and how that is paid for."""
    zone = _last_part(_said(server, "zone"))
    preemptible = _said_perhaps(server, "scheduling/preemptible").upper()
    return {
        "instance_type": _last_part(_said_perhaps(server, "machine-type")),
        "instance_id": _said_perhaps(server, "id"),
        "region": zone.rpartition("-")[0],
        "zone": zone,
        "lifecycle": _LIFECYCLES.get(preemptible, ""),
    }


def _said_perhaps(server: MetadataServer, path: str) -> str:
    try:
        return _said(server, path)
    except NoAnswer:  # the server that GKE puts before it keeps some to itself
        return ""


def _said(server: MetadataServer, path: str) -> str:
    answer = server.ask(f"/computeMetadata/v1/instance/{path}", _FLAVOR)
    if answer.headers.get("metadata-flavor") != "Google":
        raise NoAnswer("it is not Google who answered")
    found = word(answer.body)
    if not found:
        raise NoAnswer(f"it answered no {path}")
    return found


def _last_part(found: str) -> str:
    """Of projects/<number>/zones/<zone>."""
    return found.rpartition("/")[2]
