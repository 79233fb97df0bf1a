"""What `reporter config` finds out about the settings."""

from __future__ import annotations

from pathlib import Path

from reporter.cli.config import Shown, settings_in_force
from reporter.settings import SETTINGS


def _shown(**variables: str) -> dict[str, Shown]:
    return {one.name: one for one in settings_in_force(variables)}


def test_every_setting_is_shown_with_its_meaning() -> None:
    """In the order of the table, none left out."""
    shown = settings_in_force({})
    assert [one.name for one in shown] == [setting.name for setting in SETTINGS]
    assert [one.meaning for one in shown] == [setting.meaning for setting in SETTINGS]


def test_a_setting_says_where_it_comes_from() -> None:
    """The variable's name, the older one included, or that it is the default."""
    shown = _shown(REPORTER_INTERVAL="10s", reporterGatewayURL="gateway:9091")
    assert (shown["interval"].value, shown["interval"].source) == (10.0, "REPORTER_INTERVAL")
    assert (shown["gateway"].value, shown["gateway"].source) == (
        "http://gateway:9091",
        "reporterGatewayURL",
    )
    assert shown["mode"].source == "default"


def test_a_wrong_setting_does_not_hide_the_others() -> None:
    """Each wrong one says what is wrong with it; the right ones show their values."""
    shown = _shown(REPORTER_MODE="of", REPORTER_RANK="-1", REPORTER_INTERVAL="7")
    assert shown["mode"].problem == ("REPORTER_MODE='of': must be one of online, offline, disabled")
    assert (shown["mode"].value, shown["mode"].source) == (None, "wrong")
    assert shown["rank"].problem == "REPORTER_RANK='-1': must be a whole number from 0"
    assert (shown["interval"].value, shown["interval"].problem) == (7.0, "")


def test_settings_that_do_not_go_together_are_wrong(tmp_path: Path) -> None:
    """The one that lacks its partner is named."""
    shown = _shown(REPORTER_GATEWAY_USERNAME="me")
    assert shown["gateway_username"].problem == (
        "gateway_username='me': needs gateway_password_file too"
    )
