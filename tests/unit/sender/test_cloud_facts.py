"""What each cloud's metadata server is asked, what is believed of it, and for how long."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from reporter.sender.cloud import server
from reporter.sender.cloud.lookup import facts_from
from reporter.sinks.problems import NoAnswer
from tests.misbehaving import Misbehaving, Received, Reply, black_hole
from tests.unit.sender.clouds import COMPUTE, DOCUMENT, TOKEN, azure, ec2, gce, running

CLOUDS = ("aws", "gcp", "azure")
EVERY_CLOUD = pytest.mark.parametrize("name", CLOUDS)

ON_EC2 = {
    "provider": "aws",
    "instance_type": "p4d.24xlarge",
    "instance_id": "i-01ed50f7e2607f09e",
    "region": "us-west-2",
    "zone": "us-west-2a",
    "lifecycle": "spot",
}
ON_GCE = {
    "provider": "gcp",
    "instance_type": "a2-highgpu-1g",
    "instance_id": "5243687216321923849",
    "region": "us-central1",
    "zone": "us-central1-a",
    "lifecycle": "spot",
}
ON_AZURE = {
    "provider": "azure",
    "instance_type": "Standard_NC24ads_A100_v4",
    "instance_id": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
    "region": "westus",
    "zone": "3",
    "lifecycle": "spot",
}


@pytest.mark.parametrize("lifecycle", ["spot", "on-demand", "capacity-block"])
def test_ec2_is_asked_by_version_2(lifecycle: str) -> None:
    """A token first, then two questions with it; no keys, no script of a user is touched."""
    with running(ec2(lifecycle)) as cloud:
        assert facts_from("aws", cloud.url) == {**ON_EC2, "lifecycle": lifecycle}
    assert [(asked.method, asked.path) for asked in cloud.requests] == [
        ("PUT", "/latest/api/token"),
        ("GET", "/latest/dynamic/instance-identity/document"),
        ("GET", "/latest/meta-data/instance-life-cycle"),
    ]


@pytest.mark.parametrize(("preemptible", "lifecycle"), [("TRUE", "spot"), ("FALSE", "on-demand")])
def test_compute_engine_is_asked_fact_by_fact(preemptible: str, lifecycle: str) -> None:
    """Of the long names that it tells the last part is kept."""
    with running(gce(preemptible)) as cloud:
        assert facts_from("gcp", cloud.url) == {**ON_GCE, "lifecycle": lifecycle}
    assert not [asked for asked in cloud.requests if "recursive" in asked.path]


@pytest.mark.parametrize(
    ("priority", "lifecycle"),
    [("Spot", "spot"), ("Low", "spot"), ("Regular", "on-demand"), ("", "on-demand")],
)
def test_azure_is_asked_once(priority: str, lifecycle: str) -> None:
    """Its one answer holds much; six facts of it are kept."""
    with running(azure(priority=priority)) as cloud:
        assert facts_from("azure", cloud.url) == {**ON_AZURE, "lifecycle": lifecycle}
    assert len(cloud.requests) == 1


def test_a_fact_that_is_missing_is_left_out_alone() -> None:
    """An older server, one that GKE puts before it, a region without zones."""
    with running(ec2(lifecycle="")) as cloud:
        found = facts_from("aws", cloud.url)
    assert found == {name: fact for name, fact in ON_EC2.items() if name != "lifecycle"}
    with running(gce(preemptible="", machine_type="")) as cloud:
        found = facts_from("gcp", cloud.url)
    assert sorted(found) == ["instance_id", "provider", "region", "zone"]
    with running(azure(zone="", priority=None)) as cloud:
        found = facts_from("azure", cloud.url)
    assert sorted(found) == ["instance_id", "instance_type", "provider", "region"]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_version_1_is_not_asked(status: int) -> None:
    """Who gives no token is not asked without one, though it would answer."""

    def only_version_1(asked: Received) -> Reply:
        document = json.dumps(DOCUMENT).encode()
        return Reply(status) if asked.method == "PUT" else Reply(200, {}, document)

    with running(only_version_1) as cloud:
        with pytest.raises(NoAnswer, match=f"it answered {status}"):
            facts_from("aws", cloud.url)
        assert [asked.method for asked in cloud.requests] == ["PUT"]


def test_a_path_before_the_servers_own_is_kept() -> None:
    """As AWS's own tools do with an address that has one."""
    with running(lambda asked: ec2()(asked._replace(path=asked.path[4:]))) as cloud:
        assert facts_from("aws", f"{cloud.url}/way/") == ON_EC2
    assert {asked.path[:5] for asked in cloud.requests} == {"/way/"}


@EVERY_CLOUD
@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 429, 500, 503])
def test_an_error_page_is_no_fact(name: str, status: int) -> None:
    """Whatever stands on it."""
    right: dict[str, Any] = {**DOCUMENT, **COMPUTE}
    with running(lambda _: Reply(status, {}, json.dumps(right).encode())) as cloud:
        with pytest.raises(NoAnswer):
            facts_from(name, cloud.url)
        assert len(cloud.requests) == 1


@EVERY_CLOUD
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(name: str, status: int) -> None:
    """A metadata server has nowhere to send anybody."""
    with running({"aws": ec2, "gcp": gce, "azure": azure}[name]()) as elsewhere:
        away = Reply(status, {"Location": elsewhere.url + "/latest/api/token"})
        with running(lambda _: away) as cloud, pytest.raises(NoAnswer):
            facts_from(name, cloud.url)
        assert elsewhere.requests == []


@EVERY_CLOUD
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Please log in</body></html>",
        b"[]",
        b'{"instanceType": {"a": 1}, "vmSize": 7}',
        b'{"instanceType": "a b\\n", "vmSize": "<b>"}',
        b'{"instanceType": "' + b"x" * 300 + b'", "vmSize": ""}',
        b"[" * 50_000,
        b"9" * 5_000,
        b"\xff\xfe\x00",
        b"one\r\nX-Evil: two",
    ],
)
def test_what_does_not_look_like_a_fact_is_none(name: str, body: bytes) -> None:
    """Such as the page of a network that wants a password first, with status 200."""
    token = Reply(200, {"Metadata-Flavor": "Google"}, TOKEN.encode())
    flavored = {"Metadata-Flavor": "Google"}
    answers = {"PUT": token, "GET": Reply(200, flavored, body)}
    with running(lambda asked: answers[asked.method]) as cloud, pytest.raises(NoAnswer):
        facts_from(name, cloud.url)


def test_a_token_that_is_none_is_not_sent_on() -> None:
    """A page instead of it ends the questions."""
    with running(lambda _: Reply(200, {}, b"<html>welcome</html>")) as cloud:
        with pytest.raises(NoAnswer, match="no token"):
            facts_from("aws", cloud.url)
        assert len(cloud.requests) == 1


def test_another_server_is_not_taken_for_googles() -> None:
    """Google's says in each answer that it is."""
    reply = Reply(200, {}, b"projects/1/zones/us-central1-a")
    with running(lambda _: reply) as cloud, pytest.raises(NoAnswer, match="not Google"):
        facts_from("gcp", cloud.url)


@EVERY_CLOUD
def test_no_more_is_read_than_a_fact_can_be(name: str) -> None:
    """Of ten megabytes that begin right, nothing is kept."""
    right = json.dumps({**DOCUMENT, **COMPUTE, "more": "x" * (10 << 20)}).encode()
    reply = Reply(200, {"Metadata-Flavor": "Google"}, right)
    large = pytest.raises(NoAnswer, match="more than anybody asked for")
    with Misbehaving("status", [tuple(reply)]) as cloud, large:
        facts_from(name, cloud.url)


@EVERY_CLOUD
@pytest.mark.parametrize("mode", ["silent", "drip", "endless", "garbage", "reset", "short"])
def test_whatever_it_does_it_does_not_keep_us(
    name: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by silence, and not by a byte now and then for ever."""
    monkeypatch.setattr(server, "_EACH_S", 0.3)
    with Misbehaving(mode) as cloud, pytest.raises(NoAnswer):
        facts_from(name, cloud.url)


@EVERY_CLOUD
def test_an_address_that_leads_nowhere_does_not_keep_us(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the usual one outside of any cloud: connecting neither works nor fails."""
    monkeypatch.setattr(server, "_EACH_S", 0.3)
    with black_hole() as port, pytest.raises(NoAnswer, match="no answer within"):
        facts_from(name, f"http://127.0.0.1:{port}")


@EVERY_CLOUD
def test_all_questions_together_have_a_deadline(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much time each of them has: a drip, which never ends, ends with it."""
    monkeypatch.setattr(server, "_EACH_S", 600.0)
    monkeypatch.setattr(server, "_ALL_S", 0.3)
    with Misbehaving("drip") as cloud, pytest.raises(NoAnswer):
        facts_from(name, cloud.url)


@EVERY_CLOUD
def test_nobody_there_is_no_answer(name: str) -> None:
    with running(ec2()) as cloud:
        pass
    with pytest.raises(NoAnswer, match="refused"):
        facts_from(name, cloud.url)


def test_a_container_without_a_token_is_told_of_the_hop_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The packet with the token dies on the way, and that looks like silence."""
    monkeypatch.setattr(server, "_EACH_S", 0.2)
    with Misbehaving("silent") as cloud, pytest.raises(NoAnswer, match="hop limit of 2"):
        facts_from("aws", cloud.url)


@EVERY_CLOUD
def test_no_proxy_is_between(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would answer for its own machine; what is asked and told is this machine's alone."""
    answer = {"aws": ec2, "gcp": gce, "azure": azure}[name]()
    with running(answer) as cloud, Misbehaving("garbage") as proxy:
        for variable in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setitem(os.environ, variable, proxy.url)
        # An address of this machine that is no loopback address, which is never proxied.
        here = cloud.url.replace("127.0.0.1", "0.0.0.0")
        assert facts_from(name, here)["provider"] == name
        assert proxy.accepted == 0
