"""Metadata servers as the three clouds run them, on loopback: what they ask for, what they tell."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.misbehaving import Received, Reply

Answer = Callable[[Received], Reply]

TOKEN = "AQAEAHrrkEzmVtA9RZnHrmzJYxIMPOwJd3Vb5v1cCqfjTlSyxAVbZQ=="
DOCUMENT = {
    "accountId": "111122223333",
    "architecture": "x86_64",
    "availabilityZone": "us-west-2a",
    "billingProducts": ["bp-6ba54002"],
    "imageId": "ami-b2e756ca",
    "instanceId": "i-01ed50f7e2607f09e",
    "instanceType": "p4d.24xlarge",
    "kernelId": None,
    "pendingTime": "2018-03-07T16:26:04Z",
    "privateIp": "10.0.0.171",
    "region": "us-west-2",
    "version": "2017-09-30",
}
COMPUTE = {
    "azEnvironment": "AzurePublicCloud",
    "evictionPolicy": "Deallocate",
    "location": "westus",
    "name": "examplevmname",
    "osProfile": {"adminUsername": "admin", "computerName": "examplevmname"},
    "priority": "Spot",
    "provider": "Microsoft.Compute",
    "publicKeys": [{"keyData": "ssh-rsa 0", "path": "/home/user/.ssh/authorized_keys0"}],
    "subscriptionId": "xxxxxxxx-xxxxx-xxx-xxx-xxxx",
    "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
    "vmSize": "Standard_NC24ads_A100_v4",
    "zone": "3",
}
_PAGE = b'<?xml version="1.0" encoding="iso-8859-1"?>\n<html><body>No</body></html>'


def ec2(lifecycle: str = "spot", document: Mapping[str, Any] = DOCUMENT) -> Answer:
    """IMDSv2, with a token required; without a lifecycle it knows no such path."""
    told = {"/latest/dynamic/instance-identity/document": json.dumps(document, indent=2)}
    if lifecycle:
        told["/latest/meta-data/instance-life-cycle"] = lifecycle

    def answer(asked: Received) -> Reply:
        if asked.path == "/latest/api/token":
            if asked.method != "PUT":
                return Reply(405, {}, _PAGE)
            seconds = asked.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
            if not seconds.isdecimal() or "x-forwarded-for" in asked.headers:
                return Reply(400, {}, _PAGE)
            return Reply(200, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": seconds}, TOKEN.encode())
        if asked.headers.get("x-aws-ec2-metadata-token") != TOKEN:
            return Reply(401, {}, _PAGE)
        found = told.get(asked.path)
        return Reply(404, {}, _PAGE) if found is None else Reply(200, {}, found.encode())

    return answer


def gce(preemptible: str = "TRUE", machine_type: str = "a2-highgpu-1g") -> Answer:
    """Compute Engine; what is empty is a path that it does not know, as GKE's server."""
    instance = "/computeMetadata/v1/instance/"
    told = {
        instance + "id": "5243687216321923849",
        instance + "zone": "projects/739419398126/zones/us-central1-a",
        instance + "machine-type": machine_type
        and f"projects/739419398126/machineTypes/{machine_type}",
        instance + "scheduling/preemptible": preemptible,
    }

    def answer(asked: Received) -> Reply:
        if asked.headers.get("metadata-flavor") != "Google":
            return Reply(403, {}, _PAGE)
        found, said = told.get(asked.path), {"Metadata-Flavor": "Google"}
        return Reply(200, said, found.encode()) if found else Reply(404, said, _PAGE)

    return answer


def azure(**changed: Any) -> Answer:
    """Azure; a field that is changed to None is not there."""
    compute = {name: told for name, told in {**COMPUTE, **changed}.items() if told is not None}

    def answer(asked: Received) -> Reply:
        path, _, query = asked.path.partition("?")
        if asked.headers.get("metadata", "").lower() != "true" or not query:
            return Reply(400, {}, b'{ "error": "Bad request. Required metadata header not given" }')
        if path != "/metadata/instance/compute" or query != "api-version=2020-12-01":
            return Reply(404, {}, b'{ "error": "Not found" }')
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return Reply(200, kind, json.dumps(compute).encode())

    return answer


class Cloud:
    """A metadata server; `requests` are those that came."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Received] = []
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Received(self.command, self.path, headers, b"")
                cloud.requests.append(asked)
                reply = answer(asked)
                self.send_response(reply.status)
                for name, value in {"Content-Length": len(reply.body), **reply.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(reply.body)

            def do_GET(self) -> None:
                self.answer()

            def do_PUT(self) -> None:
                self.answer()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"


@contextmanager
def running(answer: Answer) -> Iterator[Cloud]:
    """This metadata server, until the end."""
    cloud = Cloud(answer)
    thread = threading.Thread(target=cloud.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield cloud
    finally:
        cloud.server.shutdown()
        thread.join()
        cloud.server.server_close()
