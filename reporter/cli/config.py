"""`reporter config`: every setting, what it is, and who said so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import typer

from reporter.cli.screen import complain, console, print_json, table
from reporter.errors import SettingRefused
from reporter.settings import SETTINGS, Setting, Settings, resolve, unknown_variables


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it is shown. Secrets are never in settings: only the names of their files."""

    name: str
    value: object
    source: str
    meaning: str
    problem: str = ""


def config(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Show the settings in force here, and where each one comes from."""
    shown, unknown = settings_in_force(os.environ), unknown_variables()
    if as_json:
        print_json({"settings": [asdict(one) for one in shown], "unknown": unknown})
    else:
        _show(shown)
    for variable in unknown:
        complain(f"{variable} is no setting: is it misspelt?")
    wrong = [one for one in shown if one.problem]
    for one in wrong:
        complain(one.problem)
    raise typer.Exit(2 if wrong else 0)


def settings_in_force(environment: Mapping[str, str]) -> list[Shown]:
    """Every setting; those that are wrong with what is wrong, the others as if those were unset."""
    right = dict(environment)
    problems: dict[str, str] = {}
    while True:
        try:
            settings = resolve({}, right)
        except SettingRefused as refused:
            setting = _called(refused.setting)
            problems[setting.name] = str(refused)
            right = {name: right[name] for name in right if name not in _variables(setting)}
        else:
            return [_shown(setting, settings, problems) for setting in SETTINGS]


def _shown(setting: Setting, settings: Settings, problems: Mapping[str, str]) -> Shown:
    if setting.name in problems:
        return Shown(setting.name, None, "wrong", setting.meaning, problems[setting.name])
    value = getattr(settings, setting.name)
    return Shown(setting.name, value, settings.sources[setting.name], setting.meaning)


def _called(name: str) -> Setting:
    """The setting that goes by this name or variable."""
    return next(one for one in SETTINGS if name in {one.name, *_variables(one)})


def _variables(setting: Setting) -> set[str]:
    return {setting.variable, setting.also or setting.variable}


def _show(shown: list[Shown]) -> None:
    rows = table("SETTING", "VALUE", "FROM", "MEANING")
    for one in shown:
        rows.add_row(one.name, _text(one.value), one.source, one.meaning)
    console().print(rows)


def _text(value: object) -> str:
    """As one would write it into the setting."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}s" if isinstance(value, float) else str(value)
