"""Which of argument, environment and default holds, and what a wrong one says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from reporter.errors import SettingRefused
from reporter.reporter import options
from reporter.reporter.scope import Reporter
from reporter.settings import SETTINGS, Settings, local_hub, resolve, unknown_variables

NAMES = [setting.name for setting in SETTINGS]


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the contract has them."""
    monkeypatch.chdir(tmp_path)
    assert resolve({}, {}).values() == {
        **dict.fromkeys(NAMES),
        "mode": "online",
        "project": tmp_path.name,
        "dir": str(tmp_path / "reporter_runs"),
        "points": True,
        "record_limit": 2 * 2**30,
        "interval": 5.0,
        "exit_timeout": 5.0,
        "on_finish": "keep",
        "lease": 86400.0,
        "series_limit": 1000,
        "sample_interval": 10.0,
        "cloud": False,
        "strict": False,
        "parameter_prefix": "reporter_push_gateway_metric",
    }


def test_argument_beats_environment_beats_default() -> None:
    """And each setting says where it came from."""
    environment = {"REPORTER_INTERVAL": "30s", "REPORTER_LEASE": "1h", "REPORTER_STRICT": "1"}
    found = resolve({"interval": 7, "strict": False}, environment)
    assert (found.interval, found.lease, found.strict, found.points) == (7.0, 3600.0, False, True)
    sources = [found.sources[name] for name in ("interval", "lease", "strict", "points")]
    assert sources == ["argument", "REPORTER_LEASE", "argument", "default"]


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_every_setting_has_its_variable(setting: object) -> None:
    """Spelt like the keyword argument, behind REPORTER_; a wrong value names the variable."""
    variable = setting.variable  # type: ignore[attr-defined]
    assert variable == "REPORTER_" + setting.name.upper()  # type: ignore[attr-defined]
    assert setting.meaning  # type: ignore[attr-defined]


def test_none_and_an_empty_variable_mean_not_given() -> None:
    """So that a wrapper can hand its own optional arguments through."""
    found = resolve({"interval": None, "name": None}, {"REPORTER_INTERVAL": "", "REPORTER_RUN": ""})
    assert (found.interval, found.run, found.name) == (5.0, None, None)


def test_both_spellings_of_the_gateway() -> None:
    """The older library's variable counts where the own one is not set."""
    old, new = {"reporterGatewayURL": "old:1"}, {"REPORTER_GATEWAY": "new:2"}
    assert resolve({}, old).gateway == "http://old:1"
    assert resolve({}, old).sources["gateway"] == "reporterGatewayURL"
    assert resolve({}, {**old, **new}).gateway == "http://new:2"
    assert resolve({}, {**old, "REPORTER_GATEWAY": ""}).gateway == "http://old:1"
    assert resolve({"gateway": "arg:3"}, {**old, **new}).gateway == "http://arg:3"


def test_a_refusal_names_setting_value_and_remedy() -> None:
    """An argument by its name, a variable by its own."""
    with pytest.raises(SettingRefused) as refused:
        resolve({"mode": "of"}, {})
    assert str(refused.value) == "mode='of': must be one of online, offline, disabled"
    assert refused.value.setting == "mode"
    with pytest.raises(SettingRefused) as refused:
        resolve({}, {"REPORTER_INTERVAL": "1 minute"})
    assert str(refused.value) == (
        "REPORTER_INTERVAL='1 minute': must be a number of seconds, or one with s, m, h or d,"
        " such as 5m"
    )
    with pytest.raises(SettingRefused) as refused:
        resolve({}, {"reporterGatewayURL": "ftp://x"})
    assert str(refused.value) == (
        "reporterGatewayURL='ftp://x': must be an http or https URL, or host:port"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://me:s3cret@host:9091",
        "me:s3cret@host",
        "http://me:s3c@ret@host",
        "http://me:s3cret@",
        "ftp://me:s3cret@host/",
        "http://host/?token=s3cret",
        "http://host/#s3cret",
    ],
)
def test_no_password_is_ever_shown(url: str) -> None:
    """Neither in the message nor in what is chained to it."""
    with pytest.raises(SettingRefused) as refused:
        resolve({"gateway": url}, {})
    error: BaseException | None = refused.value
    assert "s3c" not in str(error)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_credentials_must_be_whole(tmp_path: Path) -> None:
    """Half of a pair, or two ways at once, is told when the Reporter is made."""
    file = tmp_path / "secret"
    file.write_text("x")
    path = str(file)
    cases = [
        ({"gateway_username": "me"}, "gateway_username='me': needs gateway_password_file too"),
        ({"gateway_password_file": path}, "needs gateway_username too"),
        (
            {"gateway_username": "me", "gateway_password_file": path, "gateway_token_file": path},
            "cannot be combined with gateway_password_file: choose one",
        ),
        ({"gateway_key_file": path}, "needs gateway_cert_file too"),
    ]
    for given, message in cases:
        with pytest.raises(SettingRefused) as refused:
            resolve(given, {})
        assert str(refused.value).endswith(message)
    whole = {"gateway_username": "me", "gateway_password_file": path, "gateway_cert_file": path}
    assert resolve({**whole, "gateway_key_file": path}, {}).gateway_username == "me"


def test_the_local_hub_is_the_gateway_where_none_is_set() -> None:
    """Only then, and only where anything is pushed at all."""
    local_hub.announce("http://127.0.0.1:9999")
    found = resolve({}, {})
    assert (found.gateway, found.sources["gateway"]) == ("http://127.0.0.1:9999", "local hub")
    assert resolve({"gateway": "other:1"}, {}).gateway == "http://other:1"
    assert resolve({"mode": "offline"}, {}).gateway is None
    assert resolve({}, {"REPORTER_MODE": "disabled"}).gateway is None


def test_a_working_folder_that_is_gone_still_has_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scratch folder may be removed under a job; an absolute folder for records still works."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert resolve({"dir": str(tmp_path)}, {}).project == "default"


def test_unknown_variables_are_found() -> None:
    """Most likely a slip of the pen: a warning can name it."""
    environment = dict.fromkeys((s.variable for s in SETTINGS), "x")
    environment |= {"REPORTER_INTERVALL": "5", "REPORTER_A": "", "OTHER": "1", "reporter_x": "1"}
    assert unknown_variables(environment) == ["REPORTER_A", "REPORTER_INTERVALL"]


def test_the_settings_are_the_same_everywhere() -> None:
    """The table, the attributes, and the keyword arguments of the Reporter."""
    explicit = set(inspect.signature(Reporter.__init__).parameters)
    explicit -= {"self", "settings", "parameters", "tags"}
    assert list(Settings.__annotations__) == NAMES
    assert set(options.Options.__annotations__) | explicit == set(NAMES)
    assert not set(options.Options.__annotations__) & explicit


def test_a_type_checker_knows_every_choice() -> None:
    """A word that the table accepts is a word that the type accepts, and no other is."""
    hints = get_type_hints(options.Options)
    for setting in SETTINGS:
        words = [w for hint in get_args(hints.get(setting.name)) for w in get_args(hint)]
        for word in words:
            assert setting.check(word) == word
    assert get_args(get_args(hints["mode"])[0]) == ("online", "offline", "disabled")
    assert get_args(get_args(hints["on_finish"])[0]) == ("keep", "delete")


@pytest.mark.parametrize("make", [Reporter, lambda **k: Reporter("p", "n", **k)])
def test_an_unknown_keyword_is_refused(make: Callable[..., Reporter]) -> None:
    """By name, where the Reporter is made."""
    with pytest.raises(TypeError, match="Reporter has no setting intervall"):
        make(intervall=5)
