"""A gateway that says no: to a family, to a credential, to a path, to the size of a push."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from reporter.names import State
from reporter.sender.pusher import Pusher
from reporter.sinks.base import Family, Outcome
from reporter.sinks.pushgateway import Pushgateway as Sink
from reporter.sinks.pushgateway import Target
from tests.misbehaving import Misbehaving
from tests.runs import Training
from tests.services.programs import Pushgateway, StartPushgateway
from tests.services.secured import BCRYPT, PASSWORD, web_config
from tests.waiting import wait_for

pytestmark = pytest.mark.service

OK: tuple[object, ...] = (200, {}, b"")
GROUP = {"job": "refuses", "podUUID": "p", "run": "r", "rank": "0"}
FAMILIES = 1000


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def request(method: str, url: str, body: str = "") -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(urllib.request.Request(url, body.encode(), method=method), timeout=5).close()


def pushed(pusher: Pusher, families: list[Family]) -> Outcome:
    pusher.start(families)
    outcome = wait_for(pusher.outcome, 30, "the push")
    assert outcome is not None
    return outcome


def shown(gateway: Pushgateway) -> set[str]:
    """The families of the group."""
    (group,) = (each for each in gateway.groups() if each["labels"]["job"] == "refuses")
    return {name for name in group if name.startswith("f")}


def test_e10_two_bad_families_of_a_thousand_cost_the_others_nothing(
    start_pushgateway: StartPushgateway,
) -> None:
    """Two bad families of a thousand are found in some 40 requests; the others arrive with the same
    push."""
    gateway = start_pushgateway()
    sink = Sink(Target(gateway.url))
    families = [Family(f"f{n}", "Help", (({}, 1.0),)) for n in range(FAMILIES)]
    for n in (17, 700):
        families[n] = Family(f"f{n}", "One series twice", (({}, 1.0), ({}, 2.0)))
    pusher = Pusher(sink, GROUP)
    assert pushed(pusher, families).ok
    assert shown(gateway) == {f"f{n}" for n in range(FAMILIES)} - {"f17", "f700"}
    assert (pusher.quarantined, pusher.refused_ever) == (2, 2)
    assert 1 < gateway.pushes() < 50
    assert pushed(pusher, families).ok
    sink.close()


def test_e10_e11_a_family_is_back_once_the_gateway_takes_it(
    start_pushgateway: StartPushgateway,
) -> None:
    """A refused family is left out for ten minutes, and back once the gateway takes it."""
    gateway, clock = start_pushgateway(), Clock()
    foreign = f"{gateway.url}/metrics/job/of-another-team"
    request("PUT", foreign, "# TYPE f3 counter\nf3 1\n")
    sink = Sink(Target(gateway.url))
    pusher = Pusher(sink, GROUP, clock=clock)
    families = [Family(f"f{n}", "Help", (({}, 1.0),)) for n in range(8)]
    assert pushed(pusher, families).ok
    assert shown(gateway) == {f"f{n}" for n in range(8)} - {"f3"}
    request("DELETE", foreign)
    clock.now += 590
    assert pushed(pusher, families).ok
    assert "f3" not in shown(gateway)
    clock.now += 20
    assert pushed(pusher, families).ok
    assert shown(gateway) == {f"f{n}" for n in range(8)}
    assert pusher.quarantined == 0
    sink.close()


@pytest.mark.slow
def test_e12_a_password_that_is_put_right_is_used_with_the_next_retry(
    start_pushgateway: StartPushgateway, tmp_path: Path
) -> None:
    """Once a password is put right in its file, what was reported meanwhile arrives: nothing has to
    be started again."""
    gateway = start_pushgateway(web_config(tmp_path, "basic_auth_users:", f"  alice: {BCRYPT}"))
    password = tmp_path / "password"
    password.write_text("a guess")
    training = Training(
        tmp_path, gateway.url, gateway_username="alice", gateway_password_file=password
    )
    with training.told() as told:
        told("report_metric", "loss", 1)
        wait_for(lambda: "401" in told("status")["problem"], what="the password to be refused")
        password.write_text(PASSWORD)
        wait_for(lambda: told("status")["pushes"], 20, "a push to arrive")
        told.leave()
    assert training.record().delivered


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (301, "redirected, which is not followed: give the gateway's final URL (301)"),
        (307, "redirected, which is not followed: give the gateway's final URL (307)"),
        (404, "is the path in the gateway's URL right? (404)"),
        (405, "is it a Pushgateway, and its path prefix right? (405)"),
    ],
)
def test_e13_a_wrong_url_is_told_and_no_credential_goes_elsewhere(
    status: int, said: str, tmp_path: Path
) -> None:
    """The notice on leaving says what to do; a redirect is never followed; the record has all."""
    token = tmp_path / "token"
    token.write_text("secret")
    with Misbehaving("status", [OK]) as elsewhere:
        answer = (status, {"Location": f"{elsewhere.url}/metrics"}, b"")
        with Misbehaving("status", [answer]) as gateway:
            training = Training(tmp_path, gateway.url, exit_timeout=1, gateway_token_file=token)
            with training.told() as told:
                told("report_metric", "loss", 1)
                wait_for(lambda: told("status")["push_failures"], 15, "the first answer")
                told.leave()
                told.process.wait(5)
                assert told.process.stderr is not None
                assert said in told.process.stderr.read()
        assert elsewhere.accepted == 0
    assert training.record().newest["loss"][0] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (413, "the body is larger than the gateway, or a proxy before it, allows (413)"),
        (431, "the group's labels are longer than the gateway allows (431)"),
    ],
)
def test_e14_what_is_too_large_is_told_and_stays_in_the_record(
    status: int, said: str, tmp_path: Path
) -> None:
    """The push fails as a whole and is tried again; the notice says why; the record has all."""
    with Misbehaving("status", [(status, {}, b"")]) as gateway:
        training = Training(tmp_path, gateway.url, exit_timeout=1)
        with training.told() as told:
            told("report_metric", "loss", 1)
            wait_for(lambda: told("status")["push_failures"], 15, "the first answer")
            told.leave()
            told.process.wait(5)
            assert told.process.stderr is not None
            assert said in told.process.stderr.read()
        assert {each.method for each in gateway.requests} == {"PUT"}
    assert (training.record().state, training.record().delivered) == (State.SUCCEEDED, False)


def test_e14_the_largest_run_is_within_what_a_gateway_takes(
    tmp_path: Path, start_pushgateway: StartPushgateway
) -> None:
    """What may be pushed is bounded, and less than a gateway takes: a thousand series of the
    longest names and texts."""
    gateway = start_pushgateway()
    training = Training(tmp_path, gateway.url, exit_timeout=20)
    with training.told(podUUID="ü/" * 1000) as told:
        told("report_parameters", {f"{n:04}" + "ü" * 300: "ä" * 2000 for n in range(1200)})
        told.leave()
    samples = training.group().samples
    assert len([each for each in samples if "param_name" in each.labels]) == 1000
    assert max(len(each.labels.get("param_value", "").encode()) for each in samples) == 1024
    assert training.record().delivered


def test_e19_a_group_says_until_when_it_is_wanted(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Every push renews the group's lease (24 h); with `on_finish=delete` the last one leaves
    5 minutes of it."""
    for setting, lease in (("keep", 24 * 3600), ("delete", 300)):
        training = Training(tmp_path / setting, pushgateway.url, on_finish=setting)
        training.folder.mkdir()
        with training.told() as told:
            told("report_metric", "loss", 1)
            told.leave()
        group = training.group()
        expires = group.value("reporter_run_lease_expires_time_seconds")
        pushed_at = group.value("push_time_seconds")
        assert expires is not None
        assert pushed_at is not None
        assert expires - pushed_at == pytest.approx(lease, abs=10)


def test_e22_a_gateway_that_cannot_read_gzip_gets_plain_text(tmp_path: Path) -> None:
    """A gateway before 1.5 refuses gzip as a bad body: the push is sent again as text, and so are
    all that follow; no family is blamed."""
    with Misbehaving("status", [(400, {}, b"text format parsing error"), OK]) as gateway:
        training = Training(tmp_path, gateway.url)
        with training.told() as told:
            told("report_metric", "loss", 1)
            assert told("flush", 10)
            told.leave()
        encodings = [each.headers.get("content-encoding") for each in gateway.requests]
        last = gateway.requests[-1].body.decode()
    assert encodings[0] == "gzip"
    assert len(encodings) > 2
    assert set(encodings[1:]) == {None}
    assert "\nreporter_rejected_families 0.0\n" in last
    assert training.record().delivered
