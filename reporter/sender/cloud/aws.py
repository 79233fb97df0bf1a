"""EC2, by IMDSv2: a token first, which nothing outside the machine can be tricked into asking for.

Version 1 is not asked: where it alone answers, it is not EC2 that does.
"""

from __future__ import annotations

from reporter.sender.cloud.server import MetadataServer, word
from reporter.sinks.problems import NoAnswer, OutOfTime

_FIELDS = {
    "instance_type": "instanceType",
    "instance_id": "instanceId",
    "region": "region",
    "zone": "availabilityZone",
}


def facts(server: MetadataServer) -> dict[str, str]:
    """What it says of the machine, and how that is paid for."""
    header = {"X-aws-ec2-metadata-token": _token(server)}
    document = server.fields("/latest/dynamic/instance-identity/document", header)
    found = {name: word(document.get(field)) for name, field in _FIELDS.items()}
    if not found["instance_type"]:
        raise NoAnswer("its document names no instance")
    try:
        found["lifecycle"] = word(server.ask("/latest/meta-data/instance-life-cycle", header).body)
    except NoAnswer:
        pass  # the rest is worth having without it
    return found


def _token(server: MetadataServer) -> str:
    header = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    try:
        found = word(server.ask("/latest/api/token", header, "PUT").body)
    except OutOfTime as error:
        # The packet that holds a token lives for so many hops, by default for none into a bridge.
        raise OutOfTime(f"{error}; within a container it takes a hop limit of 2") from None
    if not found:
        raise NoAnswer("it answered no token")
    return found
