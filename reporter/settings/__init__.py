"""The settings in force: argument beats environment beats default, checked once."""

from __future__ import annotations

import os
from collections.abc import Mapping

from reporter.errors import SettingRefused
from reporter.settings.local_hub import find
from reporter.settings.parse import Wrong
from reporter.settings.table import SETTINGS, Setting

__all__ = ["SETTINGS", "Setting", "Settings", "resolve", "unknown_variables"]

_MODE = next(setting for setting in SETTINGS if setting.name == "mode")


class Settings:
    """Every setting as an attribute of its name; `sources` says where each came from."""

    gateway: str | None
    mode: str
    project: str
    name: str | None
    run: str | None
    dir: str
    points: bool
    record_limit: int
    interval: float
    exit_timeout: float
    on_finish: str
    lease: float
    series_limit: int
    sample_interval: float
    cloud: bool
    strict: bool
    parameter_prefix: str
    rank: int | None
    gateway_username: str | None
    gateway_password_file: str | None
    gateway_token_file: str | None
    gateway_ca_file: str | None
    gateway_cert_file: str | None
    gateway_key_file: str | None

    def __init__(self, values: Mapping[str, object], sources: Mapping[str, str]) -> None:
        self.__dict__.update(values)
        self.sources = dict(sources)

    def values(self) -> dict[str, object]:
        """The settings as plain data."""
        return {setting.name: getattr(self, setting.name) for setting in SETTINGS}


def resolve(
    arguments: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> Settings:
    """Find and check every setting. Raises SettingRefused, which names setting and value."""
    environment = os.environ if environment is None else environment
    try:
        return _resolved(arguments, environment)
    except SettingRefused:
        given, _ = _given(_MODE, arguments, environment)
        if given != "disabled":
            raise
    return _resolved({"mode": "disabled"}, {})  # a switch that works whatever else is set


def _resolved(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        given, source = _given(setting, arguments, environment)
        sources[setting.name] = source
        values[setting.name] = None if given is None else _checked(setting, given, source)
    _check_together(values)
    _fill_in(values, sources)
    return Settings(values, sources)


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Variables that look like settings and are none: most likely a slip of the pen."""
    environment = os.environ if environment is None else environment
    known = {setting.variable for setting in SETTINGS}
    return sorted(v for v in environment if v.startswith("REPORTER_") and v not in known)


def _given(
    setting: Setting, arguments: Mapping[str, object], environment: Mapping[str, str]
) -> tuple[object, str]:
    if arguments.get(setting.name) is not None:
        return arguments[setting.name], "argument"
    for variable in (setting.variable, setting.also):
        # An empty variable is how shells and manifests unset one.
        if variable and environment.get(variable):
            return environment[variable], variable
    return setting.default, "default"


def _checked(setting: Setting, given: object, source: str) -> object:
    try:
        return setting.check(given)
    except Wrong as wrong:
        name = setting.name if source in ("argument", "default") else source
        shown = given
        if setting.name == "gateway" and isinstance(given, str):  # it may hold a password or token
            _, at, rest = given.rpartition("@")
            shown = ("…@" if at else "") + rest.partition("?")[0].partition("#")[0]
        raise SettingRefused(name, shown, str(wrong)) from None


def _check_together(values: Mapping[str, object]) -> None:
    if values["gateway_username"] and not values["gateway_password_file"]:
        raise SettingRefused(
            "gateway_username", values["gateway_username"], "needs gateway_password_file too"
        )
    if values["gateway_password_file"] and not values["gateway_username"]:
        raise SettingRefused(
            "gateway_password_file",
            values["gateway_password_file"],
            "needs gateway_username too",
        )
    if values["gateway_password_file"] and values["gateway_token_file"]:
        raise SettingRefused(
            "gateway_token_file",
            values["gateway_token_file"],
            "cannot be combined with gateway_password_file: choose one",
        )
    if values["gateway_key_file"] and not values["gateway_cert_file"]:
        raise SettingRefused(
            "gateway_key_file", values["gateway_key_file"], "needs gateway_cert_file too"
        )


def _fill_in(values: dict[str, object], sources: dict[str, str]) -> None:
    if values["project"] in (None, ""):
        values["project"] = _folder_name()
    if values["gateway"] is None and values["mode"] == "online":
        found = find()
        if found is not None:
            values["gateway"], sources["gateway"] = found, "local hub"


def _folder_name() -> str:
    try:
        return os.path.basename(os.getcwd()) or "default"
    except OSError:  # the working folder was deleted
        return "default"
