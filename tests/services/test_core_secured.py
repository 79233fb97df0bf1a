"""A run reports to a gateway that wants TLS and a password, and keeps the password to itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import reporter
from tests.services.programs import StartPushgateway
from tests.services.secured import BCRYPT, PASSWORD, Certificates, tls_config

pytestmark = pytest.mark.service


def test_e21_a_run_behind_tls_and_a_password(
    start_pushgateway: StartPushgateway, tmp_path: Path
) -> None:
    """An authority of your own and a password are a matter of settings; no file or argument of ours
    has the secret."""
    certificates = Certificates(tmp_path)
    users = ("basic_auth_users:", f"  alice: {BCRYPT}")
    gateway = start_pushgateway(tls_config(certificates, tmp_path, *users), scheme="https")
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    with reporter.Reporter(
        dir=str(tmp_path / "records"),
        gateway=gateway.url,
        gateway_username="alice",
        gateway_password_file=str(password),
        gateway_ca_file=certificates.ca,
    ) as r:
        r.report_metric("loss", 0.5)
        assert r.flush(10)
        command = Path(f"/proc/{r.status()['sender']}/cmdline").read_bytes()
    assert r.status()["delivered"]
    assert PASSWORD.encode() not in command
    records = [path for path in (tmp_path / "records").rglob("*") if path.is_file()]
    assert records
    assert not [path for path in records if PASSWORD.encode() in path.read_bytes()]


def test_e12_a_wrong_password_costs_nothing_but_the_delivery(
    start_pushgateway: StartPushgateway, tmp_path: Path
) -> None:
    """Leaving is bounded, and the status says what the gateway wants, without the secret."""
    certificates = Certificates(tmp_path)
    users = ("basic_auth_users:", f"  alice: {BCRYPT}")
    gateway = start_pushgateway(tls_config(certificates, tmp_path, *users), scheme="https")
    password = tmp_path / "password"
    password.write_text("a guess")
    with reporter.Reporter(
        dir=str(tmp_path / "records"),
        gateway=gateway.url,
        gateway_username="alice",
        gateway_password_file=str(password),
        gateway_ca_file=certificates.ca,
        exit_timeout=1,
    ) as r:
        r.report_metric("loss", 0.5)
    status = r.status()
    assert not status["delivered"]
    assert "401" in status["problem"]
    assert "a guess" not in status["problem"]
