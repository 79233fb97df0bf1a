"""Grafana's own components draw every dashboard, for every kind of data, in light and in dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.grafana.played import RUNS
from tests.grafana.preview import (
    DASHBOARDS,
    PREVIEW,
    THEMES,
    Seen,
    Server,
    View,
    build,
    empty,
    look,
    played,
)
from tests.grafana.story import PARTS

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(900)]

WORDS = {"finished": "succeeded"} | {role: role for role in RUNS if role != "finished"}
ALL = {"reporter-runs": "all runs", "reporter-compare": "all runs"}


class Scene(NamedTuple):
    """A dashboard, and what it is about: a run by what becomes of it, all runs, or nothing."""

    dashboard: str
    about: str
    theme: str


def _scenes() -> list[Scene]:
    about = [*ALL.items(), *(("reporter-run", role) for role in RUNS)]
    about += [(path.stem, "nothing") for path in sorted(DASHBOARDS.glob("*.json"))]
    return [Scene(*each, theme) for each in about for theme in THEMES]


SCENES = _scenes()
WITH_DATA = [scene for scene in SCENES if scene.about != "nothing"]
WITHOUT = [scene for scene in SCENES if scene.about == "nothing"]


def _each(scenes: list[Scene]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scene", scenes, ids="-".join)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The dashboards, in front of all the runs."""
    build()
    with played(tmp_path_factory.mktemp("played")) as server:
        yield server


@pytest.fixture(scope="module")
def seen(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[Scene, Seen]:
    """Every scene, each looked at once. In dark, the rows that are closed at first are open."""
    with empty(tmp_path_factory.mktemp("empty")) as nothing:
        found = look(nothing.url, [_view(scene) for scene in WITHOUT])
    found += look(server.url, [_view(scene) for scene in WITH_DATA])
    return dict(zip(WITHOUT + WITH_DATA, found, strict=True))


def _view(scene: Scene) -> View:
    run = RUNS.get(scene.about, "")
    return View(scene.dashboard, scene.theme, run, opened=scene.theme == "dark")


@_each(SCENES)
def test_a_page_is_drawn_without_an_error(seen: dict[Scene, Seen], scene: Scene) -> None:
    """No script fails, no query is refused, and every panel that is on the page says something."""
    page = seen[scene]
    assert page.errors == []
    shown = [panel for panel in page.panels if panel.shown]
    assert shown
    assert [panel.title for panel in shown if not panel.text] == []
    assert scene.theme == "light" or len(shown) == len(page.panels)


@_each(SCENES)
def test_the_theme_is_the_one_asked_for(seen: dict[Scene, Seen], scene: Scene) -> None:
    """Light is light, and dark is dark."""
    assert (sum(seen[scene].background) > 3 * 128) == (scene.theme == "light")


# What a run has not, by what becomes of it.
_ENDED = {"Dropped reports", "Time left", "GPU memory, now"}
EMPTY = {
    "all runs": set[str](),
    "running": {"Dropped reports"},
    "stalled": {"Dropped reports", "Time left"},
    "failed": _ENDED,
    "finished": _ENDED,
    "lost": _ENDED,
}


@_each(WITH_DATA)
def test_no_panel_is_empty_that_has_something_to_say(seen: dict[Scene, Seen], scene: Scene) -> None:
    """Only what a run in this state cannot have is missing."""
    shown = [panel for panel in seen[scene].panels if panel.shown]
    expected = EMPTY[scene.about] & {panel.title for panel in shown}
    assert {panel.title for panel in shown if panel.empty} == expected


@_each(WITHOUT)
def test_where_nothing_was_reported_each_panel_says_so(
    seen: dict[Scene, Seen], scene: Scene
) -> None:
    """In words of ours, not Grafana's *No data*; what is counted is 0."""
    panels = [panel for panel in seen[scene].panels if panel.shown]
    assert [panel.title for panel in panels if "No data" in panel.text] == []
    told = {panel.title: panel.text for panel in panels if not panel.empty}
    assert set(told.values()) <= {"0"}, told


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", RUNS)
def test_a_run_shows_how_it_stands(seen: dict[Scene, Seen], role: str, theme: str) -> None:
    """Its state is the first that one sees, in words."""
    page = seen[Scene("reporter-run", role, theme)]
    assert page.panel("State").text == WORDS[role]
    assert page.panels[0].title == "State"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("dashboard", ALL)
def test_a_table_shows_how_each_run_stands(
    seen: dict[Scene, Seen], dashboard: str, theme: str
) -> None:
    """Every run's name and state, and a link to its own dashboard."""
    page = seen[Scene(dashboard, "all runs", theme)]
    (table,) = (panel.text for panel in page.panels if panel.title in {"Runs", "Results"})
    for role, part in PARTS.items():
        assert f"{part.name}\n{WORDS[role]}" in table
        wanted = f"var-run={RUNS[role]}"
        assert [link for link in page.links if "/d/reporter-run?" in link and wanted in link]


@pytest.mark.parametrize("theme", THEMES)
def test_runs_are_counted_by_how_they_stand(seen: dict[Scene, Seen], theme: str) -> None:
    """One of each."""
    page = seen[Scene("reporter-runs", "all runs", theme)]
    counted = {word: page.panel(word.capitalize()).text for word in WORDS.values()}
    assert counted == dict.fromkeys(WORDS.values(), "1")


@pytest.mark.parametrize("theme", THEMES)
def test_a_run_that_failed_says_why_first(seen: dict[Scene, Seen], theme: str) -> None:
    """The reason and its detail head the facts, and the loss that is no number is seen."""
    page = seen[Scene("reporter-run", "failed", theme)]
    facts = page.panel("Facts").text.split("\n")
    assert facts[2:6] == ["detail", "RuntimeError", "reason", "exception"]
    assert page.panels[6].text == "NaN"


def test_what_differs_stands_side_by_side(seen: dict[Scene, Seen]) -> None:
    """Only the parameters that the runs do not share, with the values of each."""
    text = seen[Scene("reporter-compare", "all runs", "dark")].panel("Parameters that differ").text
    assert {"batch_size", "1024", "learning_rate", "0.003"} <= set(text.split("\n"))
    assert "optimizer_name" not in text


def test_any_mirror_has_what_the_lock_names() -> None:
    """Exact versions, each with its hash, and no registry's address."""
    named = json.loads((PREVIEW / "package.json").read_text())["dependencies"]
    lock = json.loads((PREVIEW / "package-lock.json").read_text())["packages"]
    packages = [found for path, found in lock.items() if path]
    assert [version for version in named.values() if not version[0].isdigit()] == []
    assert [found for found in packages if "resolved" in found or "integrity" not in found] == []


def test_the_preview_sees_what_is_wrong(server: Server, tmp_path: Path) -> None:
    """A query that Prometheus refuses, a panel that is unknown and an x that falls are noticed."""
    dashboard = json.loads((DASHBOARDS / "reporter-run.json").read_text(encoding="utf-8"))
    panels = {panel["title"]: panel for panel in dashboard["panels"]}
    panels["Progress"]["targets"][0]["expr"] = "max("
    panels["Facts"]["type"] = "graph"
    panels["Loss by step"]["transformations"].append(
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "step", "desc": True}]}}
    )
    (tmp_path / "broken.json").write_text(json.dumps(dashboard), encoding="utf-8")
    broken = Server(tmp_path, server.prometheus, tmp_path)
    broken.start()
    try:
        (page,) = look(broken.url, [View("broken", run=RUNS["running"])])
    finally:
        broken.stop()
    errors = "\n".join(page.errors)
    assert "parse error" in errors
    assert "does not know the panel type graph" in errors
    assert "step does not rise" in errors
