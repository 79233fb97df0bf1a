"""The way to the gateway: names, dead addresses, proxies and certificates, with a whole run."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reporter.names import State
from tests.machine import mounted, needs_ipv6, needs_root
from tests.misbehaving import black_hole
from tests.runs import Told, Training, child
from tests.services.programs import Pushgateway, StartPushgateway
from tests.services.proxy import Proxy
from tests.services.resolver import ADDRESS, Resolver
from tests.services.secured import Certificates, tls_config, web_config
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.slow]


def seeing(replaced: str, file: Path, command: list[str]) -> list[str]:
    """The command, which sees a file in the place of another one of the system's."""
    return [*mounted(f"--bind {file} {replaced}"), *command]


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[Resolver]:
    with Resolver() as found:
        (tmp_path / "resolv.conf").write_text(
            f"nameserver {ADDRESS}\noptions timeout:1 attempts:5\n"
        )
        yield found


def said_on_leaving(told: Told) -> str:
    """What the run said when it was left."""
    told.leave()
    told.process.wait(5)
    assert told.process.stderr is not None
    return told.process.stderr.read()


@pytest.mark.root
@needs_root
def test_e7_a_name_server_that_hangs_holds_up_nothing(tmp_path: Path, resolver: Resolver) -> None:
    """Reports and `flush` are as fast as ever, and leaving is bounded; the record has all."""
    code = """
import reporter, time
with reporter.Reporter(exit_timeout=1) as r:
    r.report_metric("loss", 0)
    assert not r.flush(0.5)
    began = time.monotonic()
    for n in range(100_000):
        r.report_metric("loss", n)
    print(time.monotonic() - began)
    began = time.monotonic()
print(time.monotonic() - began)
"""
    training = Training(tmp_path, "http://gateway.test:9091")
    command = seeing("/etc/resolv.conf", tmp_path / "resolv.conf", [sys.executable, "-c", code])
    ended = training.run(command)
    assert ended.code == 0, ended.err
    assert resolver.asked.is_set()
    reporting, leaving = map(float, ended.out.split())
    assert reporting < 1
    assert leaving < 1.5
    assert "has not reached http://gateway.test:9091 within 1 s" in ended.err
    assert len(training.record().points["loss"].values) == 100_001


@pytest.mark.root
@needs_root
def test_e7_a_name_server_that_wakes_up_is_heard(
    tmp_path: Path, resolver: Resolver, pushgateway: Pushgateway
) -> None:
    """Once the name is found, the newest values arrive."""
    port = urlsplit(pushgateway.url).port
    training = Training(tmp_path, f"http://gateway.test:{port}")
    command = seeing("/etc/resolv.conf", tmp_path / "resolv.conf", child("told.py"))
    with training.started(command) as process:
        told = Told(process)
        told("report_metric", "loss", 1)
        assert resolver.asked.wait(10)
        assert told("flush", 0.5) is False
        told("report_metric", "loss", 2)
        resolver.answers.set()
        wait_for(lambda: told("status")["pushes"], 15, "a push to arrive")
        told.leave()
        assert Training(tmp_path, pushgateway.url).group(told.run).metric("loss") == 2


@pytest.mark.root
@needs_root
@needs_ipv6
def test_e23_a_name_with_one_dead_address_of_two(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Of a name with a dead address the other one is found within 2 s, and the run is delivered in
    time.

    The dead one is of IPv6, accepts no connection and refuses none; it is asked first.
    """
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 gateway.test\n127.0.0.1 gateway.test\n")
    port = urlsplit(pushgateway.url).port or 0
    training = Training(tmp_path, f"http://gateway.test:{port}")
    with (
        black_hole("::1", port),
        training.started(seeing("/etc/hosts", hosts, child("told.py"))) as process,
    ):
        told = Told(process)
        told("report_metric", "loss", 1)
        assert told("flush", 10)
        assert told("status")["push_failures"] == 0
        assert told.leave() < 2
    assert Training(tmp_path, pushgateway.url).group(told.run).state is State.SUCCEEDED


@needs_ipv6
def test_e23_a_gateway_on_ipv6_alone(tmp_path: Path, start_pushgateway: StartPushgateway) -> None:
    """A gateway on IPv6 alone is one like any other."""
    gateway = start_pushgateway()
    port = urlsplit(gateway.url).port
    gateway.stop()
    start_pushgateway(f"--web.listen-address=[::1]:{port}")
    training = Training(tmp_path, f"http://[::1]:{port}")
    training.run(child("ends.py", "returned"))
    assert training.group().state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("variables", "by_proxy"),
    [
        ({"http_proxy": "http://{}"}, True),
        ({"HTTP_PROXY": "{}"}, True),
        ({"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://{}"}, True),
        ({"HTTP_PROXY": "http://{}", "NO_PROXY": "elsewhere.test"}, True),
        ({"HTTP_PROXY": "http://{}", "NO_PROXY": ".test"}, False),
        ({"HTTP_PROXY": "http://{}", "no_proxy": "*"}, False),
        ({"HTTPS_PROXY": "http://{}"}, False),
        ({"HTTP_PROXY": "http://{}", "REPORTER_GATEWAY": "{direct}"}, False),
    ],
    ids=str,
)
def test_e20_the_proxy_of_the_environment(
    variables: dict[str, str], by_proxy: bool, tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured, in small letters too; a gateway on
    loopback is never asked for through a proxy."""
    training = Training(tmp_path, "http://gateway.test:9091", exit_timeout=2)
    with Proxy(urlsplit(pushgateway.url).port or 0) as proxy:
        environment = {
            name: value.replace("{direct}", pushgateway.url).replace("{}", proxy.address)
            for name, value in variables.items()
        }
        training.run(child("ends.py", "returned"), **environment)
        asked = list(proxy.asked)
    record = training.record()
    assert bool(asked) is by_proxy
    assert record.delivered is (by_proxy or "REPORTER_GATEWAY" in variables)
    assert record.state is State.SUCCEEDED


def test_e20_a_proxy_that_wants_a_password(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A proxy that wants a user and password is named for it, and asked ever more seldom."""
    training = Training(tmp_path, "http://gateway.test:9091", exit_timeout=1)
    proxy = Proxy(urlsplit(pushgateway.url).port or 0, "Basic of-somebody-else")
    with proxy, training.told(HTTP_PROXY=proxy.address) as told:
        told("report_metric", "loss", 1)
        pause = time.monotonic() + 5
        wait_for(lambda: time.monotonic() > pause, what="five seconds")
        assert 1 < len(proxy.asked) < 9  # twice as often, did the first pause never grow
        assert "the proxy wants a user and password (407)" in said_on_leaving(told)
    assert not training.record().delivered


def expired(certificates: Certificates, folder: Path) -> str:
    """The settings of a server whose certificate was good until yesterday."""
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = certificates._authority.issue_cert("127.0.0.1", not_after=yesterday)
    issued.private_key_pem.write_to_path(str(folder / "expired.key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "expired.crt"))
    files = [f"  cert_file: {folder}/expired.crt", f"  key_file: {folder}/expired.key"]
    return web_config(folder, "tls_server_config:", *files)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("expired", "certificate not trusted: certificate has expired"),
        ("another host", "certificate not trusted: IP address mismatch"),
        ("unknown authority", "certificate not trusted: unable to get local issuer certificate"),
        ("no client certificate", "the gateway wants a client certificate that it trusts"),
    ],
)
def test_e21_a_connection_that_is_not_safe_is_not_used(
    fault: str, said: str, tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """Where the other side cannot be trusted nothing is pushed, over plain http neither; the notice
    on leaving says what is wrong; the record has all."""
    certificates = Certificates(tmp_path)
    client = ["  client_auth_type: RequireAndVerifyClientCert"]
    client += [f"  client_ca_file: {certificates.ca}"]
    config = {
        "expired": lambda: expired(certificates, tmp_path),
        "another host": lambda: tls_config(certificates, tmp_path, name="elsewhere.test"),
        "no client certificate": lambda: tls_config(certificates, tmp_path, *client),
    }.get(fault, lambda: tls_config(certificates, tmp_path))()
    gateway = start_pushgateway(config, scheme="https")
    authority = "" if fault == "unknown authority" else certificates.ca
    training = Training(tmp_path, gateway.url, exit_timeout=4, gateway_ca_file=authority)
    with training.told() as told:
        told("report_metric", "loss", 1)
        assert said in said_on_leaving(told)
    record = training.record()
    assert (record.state, record.delivered) == (State.SUCCEEDED, False)
    assert record.newest["loss"][0] == 1
