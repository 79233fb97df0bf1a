"""Colours, value mappings and column properties that all dashboards share."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from grafana.build.states import STALLED
from reporter.names import State

NEUTRAL = "text"

STATE_COLOURS: dict[int, tuple[str, str]] = {
    State.QUEUED: (State.QUEUED.word, "#8e8e8e"),
    State.RUNNING: (State.RUNNING.word, "blue"),
    State.SUCCEEDED: (State.SUCCEEDED.word, "green"),
    State.FAILED: (State.FAILED.word, "red"),
    State.CANCELLED: (State.CANCELLED.word, "orange"),
    State.LOST: (State.LOST.word, "purple"),
    STALLED: ("stalled", "yellow"),
}

Properties = list[models.DynamicConfigValue]
Steps = tuple[tuple[float | None, str], ...]
ALWAYS_NEUTRAL: Steps = ((None, NEUTRAL),)


def colour_of(code: int) -> str:
    return STATE_COLOURS[code][1]


def from_one_on(colour: str) -> Steps:
    """Nothing is coloured while the number is 0."""
    return ((None, NEUTRAL), (1, colour))


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    told = [models.Threshold(value=value, color=colour) for value, colour in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(told)


def fixed(colour: str) -> builders.FieldColor:
    return builders.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color(colour)


def by_thresholds() -> builders.FieldColor:
    return builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)


def by_palette() -> builders.FieldColor:
    """By order: colours by name are the same in every panel, and too often alike."""
    return builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC)


def state_mapping() -> models.ValueMap:
    """Words and colours for the codes of states."""
    return models.ValueMap(options=_state_results())


def _state_results() -> dict[str, models.ValueMappingResult]:
    return {
        str(int(code)): models.ValueMappingResult(text=word, color=colour, index=place)
        for place, (code, (word, colour)) in enumerate(STATE_COLOURS.items())
    }


def state_cell() -> Properties:
    """A column of states: coloured words."""
    options = {code: result.to_json() for code, result in _state_results().items()}
    return properties(
        mappings=[{"type": "value", "options": options}],
        custom__cellOptions={"type": "color-background", "mode": "basic"},
        custom__width=105,
    )


def properties(**told: Any) -> Properties:
    """The properties of an override; `custom__width` stands for `custom.width`."""
    return [
        models.DynamicConfigValue(id_val=name.replace("__", "."), value=value)
        for name, value in told.items()
    ]
