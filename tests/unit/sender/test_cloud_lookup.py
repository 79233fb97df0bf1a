"""The look-up in its threads: who waits for it, what comes of it, and where it is not made."""

from __future__ import annotations

from typing import Any

import pytest

from reporter.sender.background import Background
from reporter.sender.cloud import server
from reporter.sender.cloud.lookup import look_up
from reporter.sender.facts import EnvironmentFacts
from tests.misbehaving import Misbehaving
from tests.unit.sender.clouds import ec2, gce, running
from tests.waiting import wait_for


def _at_aws(url: str) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}


def _brief(**settings: Any) -> dict[str, Any]:
    chosen = {"cloud": True, "mode": "online", **settings}
    return {"argv": ["train.py"], "cwd": "/", "import_path": [], "settings": chosen}


def _over(threads: list[Background]) -> None:
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_cloud_that_says_nothing_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are asked beside each other; what is missing is said beside the record."""
    monkeypatch.setattr(server, "_EACH_S", 0.2)
    found: list[dict[str, str]] = []
    with Misbehaving("silent") as aws, running(gce()) as gcp:
        _over(look_up(found.append, {**_at_aws(aws.url), "GCE_METADATA_HOST": gcp.host}))
    assert [each["provider"] for each in found] == ["gcp"]
    said = capsys.readouterr().err
    assert said.startswith("no facts from aws's metadata server: no answer within 0.2 s")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("url", ["http://[::", "http://127.0.0.1:port", "://", "x" * 300])
def test_an_address_that_is_none_is_said(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is raised where nobody would hear it."""
    _over(look_up(pytest.fail, _at_aws(url)))
    assert capsys.readouterr().err.startswith("no facts from aws's metadata server: ")


def test_a_machine_without_threads_has_no_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender goes on without them."""

    def refused(_: Background) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Background, "start", refused)
    assert look_up(pytest.fail, _at_aws("http://127.0.0.1:9")) == []
    assert EnvironmentFacts(_brief()).news() is None


def test_what_the_cloud_tells_joins_what_the_machine_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever comes first: each news is all that is known by then."""
    with running(ec2()) as cloud:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url)
        facts = EnvironmentFacts(_brief())
        told: list[dict[str, Any]] = [{}]

        def both() -> bool:
            told.extend(filter(None, [facts.news()]))
            return {"cloud", "python"} <= told[-1].keys()

        wait_for(both, 30, "facts of both kinds")
        assert told[-1]["cloud"]["instance_type"] == "p4d.24xlarge"
        assert facts.news() is None


@pytest.mark.parametrize(
    "settings", [{"cloud": False}, {"mode": "offline"}, {"mode": "disabled"}], ids=str
)
def test_nobody_is_asked_where_that_is_not_wanted(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not without the setting, and never offline."""
    monkeypatch.setattr("reporter.sender.facts.look_up", pytest.fail)
    facts = EnvironmentFacts(_brief(**settings))
    assert "cloud" not in wait_for(facts.news, 30, "the machine's own facts")


def test_nobody_waits_for_a_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Giving the machine's own facts a moment ends with them, however long a cloud may take."""
    monkeypatch.setattr(server, "_EACH_S", 600.0)
    monkeypatch.setattr(server, "_ALL_S", 600.0)
    with Misbehaving("silent") as cloud:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url)
        facts = EnvironmentFacts(_brief())
        wait_for(lambda: cloud.requests, 10, "the question")
        facts.wait(300)
        assert "python" in wait_for(facts.news, 10, "the machine's own facts")
