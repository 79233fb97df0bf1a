"""A dashboard from its parts, and the bytes that are committed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.build.panels import SOURCE, Panel, panel_id

SCHEMA = 39  # Grafana 10.3 and later; what is newer migrates it at load
PLUGIN_VERSION = "11.1.0"  # without one, later versions take some panels for those of old
TAG = "reporter"
UID = {"runs": "reporter-runs", "run": "reporter-run", "compare": "reporter-compare"}


@dataclass(frozen=True, slots=True)
class Row:
    """A heading with panels below it."""

    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard."""

    uid: str
    title: str
    says: str
    variables: Sequence[Any]
    rows: Sequence[Row]
    annotations: Sequence[builders.AnnotationQuery] = field(default=())


def rendered(board: Board) -> str:
    """The dashboard as it is committed: the same bytes every time."""
    built = _builder(board).build()
    told: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    return json.dumps(_finalized(told), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _builder(board: Board) -> builders.Dashboard:
    builder = builders.Dashboard(board.title).uid(board.uid).description(board.says)
    builder = builder.tags([TAG]).readonly().refresh("30s").time("now-6h", "now").version(1)
    builder = builder.tooltip(models.DashboardCursorSync.CROSSHAIR).timezone("browser")
    builder = builder.link(_others()).variables(list(board.variables))
    builder = builder.annotations(list(board.annotations))
    for row in board.rows:
        heading = builders.Row(row.title).id(panel_id(f"row {row.title}"))
        if row.collapsed:
            for panel in row.panels:
                heading = heading.with_panel(panel)
        builder = builder.with_row(heading)
        if not row.collapsed:
            for panel in row.panels:
                builder = builder.with_panel(panel)
    return builder


def _others() -> builders.DashboardLink:
    link = builders.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS)
    return link.tags([TAG]).include_vars(True).keep_time(True)


def _finalized(told: dict[str, Any]) -> dict[str, Any]:
    """What the builders leave out, or say of a newer Grafana than has to be there."""
    told.pop("id", None)
    told["schemaVersion"] = SCHEMA
    for panel in all_panels(told):
        if panel["type"] == "row":
            panel.setdefault("collapsed", False)
            panel.setdefault("panels", [])
        else:
            panel["pluginVersion"] = PLUGIN_VERSION
    return told


def all_panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel, those in collapsed rows included."""
    top = dashboard.get("panels", [])
    return [*top, *(inner for panel in top for inner in panel.get("panels") or [])]


__all__ = ["SOURCE", "UID", "Board", "Row", "all_panels", "rendered"]
