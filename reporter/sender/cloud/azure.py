"""Azure's virtual machines. One question: it answers no more than a few a second."""

from __future__ import annotations

from reporter.sender.cloud.server import MetadataServer, word
from reporter.sinks.problems import NoAnswer

# The first version that tells the priority, and the last one that does not send the user's data.
_COMPUTE = "/metadata/instance/compute?api-version=2020-12-01"
_FIELDS = {
    "instance_type": "vmSize",
    "instance_id": "vmId",
    "region": "location",
    "zone": "zone",
}
_LIFECYCLES = {"spot": "spot", "low": "spot", "regular": "on-demand", "": "on-demand"}


def facts(server: MetadataServer) -> dict[str, str]:
    """What it says of the machine, and how that is paid for."""
    compute = server.fields(_COMPUTE, {"Metadata": "true"})
    found = {name: word(compute.get(field)) for name, field in _FIELDS.items()}
    if not found["instance_type"]:
        raise NoAnswer("it names no size of a machine")
    priority = compute.get("priority")
    if isinstance(priority, str):
        found["lifecycle"] = _LIFECYCLES.get(priority.lower(), "")
    return found
