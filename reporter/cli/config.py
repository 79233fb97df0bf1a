"""`reporter config`: every setting, what it is, and who said so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import typer

from reporter.cli.screen import complain, console, print_json, table
from reporter.errors import SettingRefused
from reporter.settings import SETTINGS, Setting, Settings, resolve, unknown_variables

_WIDE = 140  # columns that a table with meanings needs to be read
_SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


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
    screen = console()
    with_meaning = screen.width >= _WIDE
    rows = table("VARIABLE", "VALUE", "FROM", *(["MEANING"] if with_meaning else []))
    for one in shown:
        variable = "REPORTER_" + one.name.upper()
        meaning = [one.meaning] if with_meaning else []
        rows.add_row(variable, _text(one.name, one.value), one.source, *meaning)
    screen.print(rows)
    if not with_meaning:
        screen.print("\nWhat each one means: a wider terminal shows it, and so does --json.")


def _text(name: str, value: object) -> str:
    """As one would write it into the setting."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _in_units(value, (("h", 3600), ("m", 60)), "s")
    return _in_units(value, _SIZES, "") if name == "record_limit" else str(value)


def _in_units(value: object, units: tuple[tuple[str, int], ...], smallest: str) -> str:
    assert isinstance(value, (int, float))
    for unit, size in units:
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}{smallest}"
