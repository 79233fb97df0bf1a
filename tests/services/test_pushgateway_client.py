"""The sink against a real Pushgateway: what was pushed is what it shows."""

from __future__ import annotations

import base64
import gzip
import math
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reporter.sinks import sink_for
from reporter.sinks.base import Family, Outcome
from reporter.sinks.http import HttpClient
from reporter.sinks.pushgateway import Pushgateway, Target
from tests.machine import needs_ipv6
from tests.misbehaving import Misbehaving
from tests.services.programs import Program, StartPushgateway, find_program, free_port
from tests.services.programs import Pushgateway as Gateway
from tests.services.proxy import Proxy
from tests.services.secured import BCRYPT, PASSWORD, Certificates, tls_config, web_config
from tests.waiting import wait_for

pytestmark = pytest.mark.service

Values = dict[str, float]
GROUP = {"job": "reporter_pod_info", "podUUID": "pushgateway-client", "run": "r", "rank": "0"}
BASIC = "Basic " + base64.b64encode(f"alice:{PASSWORD}".encode()).decode()


def gauge(name: str, value: float, **labels: str) -> Family:
    return Family(name, "Help", ((labels, value),))


def values(text: str, group: Mapping[str, str] = GROUP) -> Values:
    """The pushed values of one group, by family."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if group.items() <= sample.labels.items() and not sample.name.startswith("push_")
    }


def shown(url: str, group: Mapping[str, str] = GROUP, ca_file: str = "") -> Values:
    client = HttpClient(url, ca_file=ca_file)
    path = urlsplit(url).path + "/metrics"
    try:
        answer = client.request("GET", path, None, {"Authorization": BASIC}, 5)
    finally:
        client.close()
    assert answer.status == 200
    return values(answer.body.decode(), group)


def replaced(target: Target, value: float = 1.0) -> Outcome:
    sink = sink_for(target)
    try:
        return sink.replace(GROUP, [gauge("loss", value)])
    finally:
        sink.close()


@pytest.fixture(scope="module")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for these tests alone: they read all that it shows."""
    program = Gateway(tmp_path_factory.mktemp("pushgateway"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


def test_replace_add_and_delete(pushgateway: Gateway) -> None:
    """PUT makes the group exactly this, POST adds to it, DELETE removes it."""
    sink = Pushgateway(Target(pushgateway.url))
    assert sink.replace(GROUP, [gauge("a", 1), gauge("b", 2)]).ok
    assert sink.replace(GROUP, [gauge("b", 3)]).ok
    assert shown(pushgateway.url) == {"b": 3}
    assert sink.add(GROUP, [gauge("c_total", 4)]).ok
    assert shown(pushgateway.url) == {"b": 3, "c_total": 4}
    assert sink.delete(GROUP).ok
    assert shown(pushgateway.url) == {}
    sink.close()


def test_e18_groups_do_not_touch_each_other(pushgateway: Gateway) -> None:
    """Another rank's group stays as it is."""
    other = {**GROUP, "rank": "1"}
    sink = Pushgateway(Target(pushgateway.url))
    assert sink.replace(GROUP, [gauge("a", 1)]).ok
    assert sink.replace(other, [gauge("a", 2)]).ok
    assert sink.delete(GROUP).ok
    assert shown(pushgateway.url, other) == {"a": 2}
    sink.close()


@pytest.mark.parametrize(
    "odd",
    ["", "a/b", "//", ".", "..", "...", "a b", "100%", "%2F", "a?b#c", "a;b=c", "ü", "потеря",
     "a\nb", '"quoted"', "\\", "=", "run@base64", "+", "x" * 1000],
)  # fmt: skip
def test_f13_odd_group_values_arrive_and_can_be_deleted(pushgateway: Gateway, odd: str) -> None:
    """Text of any kind in a group's label is shown as it was meant.

    Slashes, dots, empty or odd text; and the group can be deleted by it.
    """
    group = {**GROUP, "job": odd or "odd job", "podUUID": odd, "run": odd}
    sink = Pushgateway(Target(pushgateway.url))
    outcome = sink.replace(group, [gauge("a", 1)])
    assert outcome.ok, outcome.problem
    # A label without a value is no label: the gateway drops it from what it shows.
    assert shown(pushgateway.url, {k: v for k, v in group.items() if v}) == {"a": 1}
    assert sink.delete(group).ok
    assert shown(pushgateway.url, {k: v for k, v in group.items() if v}) == {}
    sink.close()


def test_f11_f12_odd_label_values_arrive(pushgateway: Gateway) -> None:
    """What would end a label in the text is escaped, and what is not Unicode spelt out."""
    odd = 'x"} 1\n# TYPE y counter\r\ny{a="\\ \udcff ü'
    sink = Pushgateway(Target(pushgateway.url))
    assert sink.replace(GROUP, [gauge("a", 1, metric_name=odd)]).ok
    seen = {**GROUP, "metric_name": odd.replace("\udcff", "\\udcff")}
    assert shown(pushgateway.url, seen) == {"a": 1}
    sink.close()


def test_f1_numbers_that_are_not_finite_arrive(pushgateway: Gateway) -> None:
    """NaN and infinities are values: recorded, shown on the gateway, and counted by metric."""
    sent = {
        "n": math.nan,
        "i": math.inf,
        "m": -math.inf,
        "tiny": 5e-324,
        "big": 1.7976931348623157e308,
    }
    sink = Pushgateway(Target(pushgateway.url))
    assert sink.replace(GROUP, [gauge(name, value) for name, value in sent.items()]).ok
    got = shown(pushgateway.url)
    assert math.isnan(got.pop("n"))
    assert math.isnan(sent.pop("n"))
    assert got == sent
    sink.close()


def test_e10_a_bad_body_is_refused_with_the_reason(pushgateway: Gateway) -> None:
    """The gateway's own reason is told.

    One series twice; the gateway takes the next push.
    """
    sink = Pushgateway(Target(pushgateway.url))
    twice = Family("a", "Help", (({"x": "1"}, 1.0), ({"x": "1"}, 2.0)))
    outcome = sink.replace(GROUP, [twice])
    assert outcome.refused
    assert "collected before with the same name and label values" in outcome.problem
    assert sink.replace(GROUP, [gauge("a", 1)]).ok
    sink.close()


def test_e22_a_push_is_compressed(pushgateway: Gateway) -> None:
    """A gateway that reads gzip gets a fraction of the bytes."""
    families = [gauge(f"reporter_metric_{n}", n, metric_name=f"metric_{n}") for n in range(300)]
    with Misbehaving("status", [(200, {}, b"")]) as listening:
        for url in (listening.url, pushgateway.url):
            sink = Pushgateway(Target(url))
            assert sink.replace(GROUP, families).ok
            assert sink.replace(GROUP, families).ok
            sink.close()
    first, second = (request.body for request in listening.requests)
    for body in (first, second):
        assert len(body) < len(gzip.decompress(body)) / 4
    assert len(values(pushgateway.metrics())) == 300  # a real one reads it


def test_e17_a_gateway_that_was_restarted_gets_the_next_push(
    start_pushgateway: StartPushgateway,
) -> None:
    """A kept connection that died with the gateway costs nothing: the push goes through."""
    gateway = start_pushgateway()
    sink = Pushgateway(Target(gateway.url))
    assert sink.replace(GROUP, [gauge("a", 1)]).ok
    gateway.stop()
    assert sink.replace(GROUP, [gauge("a", 2)]).problem == "connection refused"
    gateway.start()
    assert sink.replace(GROUP, [gauge("a", 3)]).ok
    assert shown(gateway.url) == {"a": 3}
    sink.close()


def test_e13_a_path_prefix_is_kept_and_a_wrong_one_said(tmp_path: Path) -> None:
    """A gateway behind a prefix is reached under it, and a slip there is told as such."""
    root = f"http://127.0.0.1:{free_port()}"
    command = [find_program("prometheus-pushgateway"), "--persistence.file="]
    where = [f"--web.listen-address={urlsplit(root).netloc}", "--web.route-prefix=/push/here"]
    gateway = Program(command + where, tmp_path / "log", root + "/push/here/-/ready")
    try:
        gateway.start()
        assert replaced(Target(root + "/push/here/")).ok
        assert shown(root + "/push/here") == {"loss": 1}
        wrong = replaced(Target(root + "/elsewhere"))
    finally:
        gateway.stop()
    assert not wrong.ok
    assert "path" in wrong.problem


@needs_ipv6
def test_e23_an_ipv6_gateway(start_pushgateway: StartPushgateway) -> None:
    """A gateway on IPv6 alone is one like any other.

    A literal in brackets.
    """
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
    start_pushgateway(f"--web.listen-address=[::1]:{port}")
    assert replaced(Target(f"http://[::1]:{port}")).ok
    assert shown(f"http://[::1]:{port}") == {"loss": 1}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def test_basic_authentication(start_pushgateway: StartPushgateway, tmp_path: Path) -> None:
    """The right password is let in; none, or a wrong one, is denied."""
    gateway = start_pushgateway(web_config(tmp_path, "basic_auth_users:", f"  alice: {BCRYPT}"))
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(PASSWORD + "\n")
    bad.write_text("guess")
    assert replaced(Target(gateway.url, username="alice", password_file=str(good))).ok
    assert shown(gateway.url) == {"loss": 1}
    assert replaced(Target(gateway.url)).denied
    assert replaced(Target(gateway.url, username="alice", password_file=str(bad))).denied


def test_e21_own_authority_with_basic_authentication(
    start_pushgateway: StartPushgateway, certificates: Certificates, tmp_path: Path
) -> None:
    """An authority of your own and a password are a matter of settings; no file or argument of ours
    has the secret."""
    users = ("basic_auth_users:", f"  alice: {BCRYPT}")
    gateway = start_pushgateway(tls_config(certificates, tmp_path, *users), scheme="https")
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    target = Target(
        gateway.url, username="alice", password_file=str(password), ca_file=certificates.ca
    )
    outcome = replaced(target)
    assert outcome.ok, outcome.problem
    assert shown(gateway.url, ca_file=certificates.ca) == {"loss": 1}


def test_e21_tls_is_always_verified(
    start_pushgateway: StartPushgateway,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown authority is not trusted; SSL_CERT_FILE or the setting makes it known."""
    gateway = start_pushgateway(tls_config(certificates, tmp_path), scheme="https")
    unknown = replaced(Target(gateway.url))
    assert unknown.problem.startswith("certificate not trusted: ")
    plain = Target(gateway.url.replace("https", "http"))
    # It answers and hangs up at once: its reset may be faster than its answer.
    wait_for(
        lambda: replaced(plain).problem == "the gateway wants https:// (400)",
        what="the word that TLS is wanted",
    )
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    assert replaced(Target(gateway.url)).ok


def test_e21_a_certificate_for_another_host_is_not_trusted(
    start_pushgateway: StartPushgateway, certificates: Certificates, tmp_path: Path
) -> None:
    """A certificate for another host is not trusted, though its authority is."""
    gateway = start_pushgateway(
        tls_config(certificates, tmp_path, name="elsewhere.test"), scheme="https"
    )
    problem = replaced(Target(gateway.url, ca_file=certificates.ca)).problem
    assert problem.startswith("certificate not trusted: IP address mismatch")


def test_e21_tls_towards_a_plain_gateway_is_said(pushgateway: Gateway) -> None:
    """https:// where http:// is meant: the likely slip is named."""
    assert (
        "http:// rather than https://"
        in replaced(Target(pushgateway.url.replace("http", "https"))).problem
    )


def test_e21_client_certificates(
    start_pushgateway: StartPushgateway, certificates: Certificates, tmp_path: Path
) -> None:
    """A gateway that wants a client certificate gets yours, or it is said that it wants one."""
    demand = (
        "  client_auth_type: RequireAndVerifyClientCert",
        f"  client_ca_file: {certificates.ca}",
    )
    gateway = start_pushgateway(tls_config(certificates, tmp_path, *demand), scheme="https")
    certificate, key = certificates.issue("trainer.test")
    own = {"ca_file": certificates.ca, "cert_file": certificate, "key_file": key}
    outcome = replaced(Target(gateway.url, **own))
    assert outcome.ok, outcome.problem
    without = replaced(Target(gateway.url, ca_file=certificates.ca))
    assert without.problem == "the gateway wants a client certificate that it trusts"
    missing = replaced(Target(gateway.url, ca_file=certificates.ca + "x"))
    assert missing.problem == f"CA file {certificates.ca}x is not usable: no such file or directory"


def test_e20_a_proxy_forwards(pushgateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that only the proxy knows is reached through it, with its user and password."""
    login = "Basic " + base64.b64encode(b"me:p@ss").decode()
    with Proxy(urlsplit(pushgateway.url).port or 0, login) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}")
        sink = Pushgateway(Target("http://gateway.test:9091"))
        assert sink.replace(GROUP, [gauge("loss", 1)]).ok
        assert sink.replace(GROUP, [gauge("loss", 2)]).ok
        sink.close()
        assert len(proxy.asked) == 1
        assert proxy.asked[0].startswith("PUT http://gateway.test:9091/metrics/job/")
        monkeypatch.setenv("http_proxy", proxy.address)
        denied = replaced(Target("http://gateway.test:9091"))
        assert denied.problem == "the proxy wants a user and password (407)"
        assert denied.denied
    assert shown(pushgateway.url) == {"loss": 2}


def test_e20_a_proxy_tunnels_tls(
    start_pushgateway: StartPushgateway,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """https goes through CONNECT, verified against the gateway's own name."""
    login = "Basic " + base64.b64encode(b"me:pass").decode()
    gateway = start_pushgateway(
        tls_config(certificates, tmp_path, name="gateway.test"), scheme="https"
    )
    with Proxy(urlsplit(gateway.url).port or 0, login) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass@{proxy.address}")
        outcome = replaced(Target("https://gateway.test", ca_file=certificates.ca))
        assert outcome.ok, outcome.problem
        assert proxy.asked == ["CONNECT gateway.test:443 HTTP/1.1"]
        assert "mismatch" in replaced(Target("https://other.test", ca_file=certificates.ca)).problem
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        denied = replaced(Target("https://gateway.test", ca_file=certificates.ca))
        assert denied.problem == "the proxy wants a user and password (407)"
        assert denied.denied


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_e20_loopback_is_never_proxied(
    pushgateway: Gateway, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """A gateway on this machine stays reachable whatever the environment says."""
    port = urlsplit(pushgateway.url).port
    with Proxy(port or 0) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        assert replaced(Target(f"http://{host}:{port}")).ok
        assert proxy.asked == []


def test_e20_no_proxy_is_honoured(pushgateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that NO_PROXY names is asked for directly."""
    with Proxy(urlsplit(pushgateway.url).port or 0) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "10.0.0.0,.invalid")
        assert not replaced(Target("http://gateway.invalid:9091")).ok
        assert proxy.asked == []


def test_e20_a_proxy_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is down is named: it is not the gateway that refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://me:canary@127.0.0.1:{port}")
    problem = replaced(Target("http://gateway.test:9091")).problem
    assert problem == "connection refused (by way of the proxy 127.0.0.1)"
