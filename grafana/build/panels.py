"""The kinds of panels, each made the same way wherever it stands."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries, trend
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import prometheus as prometheus_builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, prometheus
from grafana_foundation_sdk.models import dashboard as models

from grafana.build import looks

SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
NOTHING = "-"  # in one cell of a table
MOMENTS = 300  # of a bar of states: they last, and each moment costs as much as one of a curve

Panel = Builder[models.Panel]

_DASHED = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)


@dataclass(frozen=True, slots=True)
class About:
    """What every panel has. `key` never changes: links and ids hang on it."""

    key: str
    title: str
    says: str
    unit: str
    width: int
    height: int
    empty: str = "Nothing reported yet"
    decimals: int | None = None
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and how its series are called."""

    expression: str
    legend: str = ""


def panel_id(key: str) -> int:
    """The same for ever, whatever else is on the dashboard."""
    return zlib.crc32(key.encode()) % 1_000_000 + 1


def number(
    about: About,
    query: Query,
    steps: looks.Steps = looks.ALWAYS_NEUTRAL,
    *,
    background: bool = False,
    mapping: models.ValueMap | None = None,
) -> Panel:
    """One large number, as it is now."""
    mode = common.BigValueColorMode.BACKGROUND if background else common.BigValueColorMode.VALUE
    panel = _said(stat.Panel(), about).thresholds(looks.thresholds(steps))
    # There is one value, and a loss that is no number is to be seen: "lastNotNull" drops it.
    panel = panel.color_scheme(looks.by_thresholds()).reduce_options(_last("last"))
    panel = panel.color_mode(mode).graph_mode(common.BigValueGraphMode.NONE)
    if mapping is not None:
        panel = panel.mappings([mapping])
    return _asked(panel, [query], instant=True)


def lines(
    about: About,
    *queries: Query,
    steps: looks.Steps = (),
    stacked: bool = False,
    logarithmic: bool = False,
    at_least: float | None = None,
    overrides: dict[str, looks.Properties] | None = None,
    by_run: bool = False,
) -> Panel:
    """Curves over time, `steps` as lines across them. The axis reaches up `at_least` so far."""
    panel = _said(timeseries.Panel(), about).color_scheme(looks.by_palette())
    panel = _drawn(panel.line_width(1), 60 if stacked else 0, by_run)
    if at_least is not None:
        panel = panel.axis_soft_max(at_least)
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if logarithmic:
        scale = common_builders.ScaleDistributionConfig().type(common.ScaleDistribution.LOG)
        panel = panel.scale_distribution(scale.log(10))
    if steps:
        panel = panel.thresholds(looks.thresholds(steps)).thresholds_style(_DASHED)
    for name, told in (overrides or {}).items():
        panel = panel.override_by_regexp(name, told)
    return _asked(panel, queries)


def against(
    about: About,
    x: str,
    *queries: Query,
    then: list[Any],
    x_unit: str = "none",
    by_run: bool = False,
) -> Panel:
    """Curves over something other than time, which the field `x` holds in rising order."""
    panel = _said(trend.Panel(), about).color_scheme(looks.by_palette()).x_field(x)
    panel = _drawn(panel.line_width(1), 0, by_run).span_nulls(True)
    panel = panel.override_by_name(x, looks.properties(unit=x_unit))
    return _asked(panel.transformations(then), queries, as_table=True)


def timeline(about: About, query: Query, mapping: models.ValueMap | None = None) -> Panel:
    """A coloured bar for each series."""
    panel = _said(statetimeline.Panel(), about).merge_values(True).fill_opacity(80).line_width(0)
    words = common.VisibilityMode.AUTO if mapping else common.VisibilityMode.NEVER
    panel = panel.row_height(0.8).show_value(words).max_data_points(MOMENTS)
    panel = panel.legend(common_builders.VizLegendOptions().show_legend(False))
    if mapping is not None:
        panel = panel.mappings([mapping]).color_scheme(looks.by_thresholds())
        panel = panel.thresholds(looks.thresholds(looks.ALWAYS_NEUTRAL))
    else:
        panel = panel.color_scheme(looks.fixed("blue"))
    return _asked(panel, [query])


def bars(about: About, query: Query, steps: looks.Steps | None = None) -> Panel:
    """A horizontal bar for each series, as it is now."""
    panel = _said(bargauge.Panel(), about).reduce_options(_last())
    panel = panel.orientation(common.VizOrientation.HORIZONTAL)
    panel = panel.display_mode(common.BarGaugeDisplayMode.BASIC)
    panel = panel.value_mode(common.BarGaugeValueMode.TEXT).show_unfilled(True)
    panel = panel.name_placement(common.BarGaugeNamePlacement.LEFT).max_viz_height(32)
    panel = panel.sizing(common.BarGaugeSizing.AUTO).min_viz_height(16).min_viz_width(8)
    panel = panel.text(common_builders.VizTextDisplayOptions().value_size(18).title_size(13))
    panel = panel.color_scheme(looks.by_thresholds() if steps else looks.fixed("blue"))
    panel = panel.thresholds(looks.thresholds(steps or ((None, "blue"),)))
    return _asked(panel, [query], instant=True)


def rows(
    about: About,
    *queries: Query,
    then: list[Any],
    columns: dict[str, looks.Properties] | None = None,
    sorted_by: tuple[str, bool] | None = None,
    as_table: bool = True,
) -> Panel:
    """A table, as it is now; `then` makes its columns from what was asked."""
    panel = _said(table.Panel(), about).cell_height(common.TableCellHeight.SM).filterable(True)
    panel = panel.show_header(True).transformations(then)
    # A text that looks like a number is not one: a commit 7e02010 would be infinite.
    panel = panel.override_by_field_type("string", looks.properties(unit="string"))
    panel = panel.override_by_regexp(".*", looks.properties(noValue=NOTHING))
    if sorted_by is not None:
        name, downwards = sorted_by
        order = common_builders.TableSortByFieldState().display_name(name).desc(downwards)
        panel = panel.sort_by([order])
    for name, told in (columns or {}).items():
        panel = panel.override_by_name(name, told)
    return _asked(panel, queries, instant=True, as_table=as_table)


def _said(panel: Any, about: About) -> Any:
    panel = panel.id(panel_id(about.key)).title(about.title).description(about.says)
    panel = panel.unit(about.unit).span(about.width).height(about.height).datasource(SOURCE)
    panel = panel.no_value(about.empty)
    for name, value in (
        ("decimals", about.decimals),
        ("min", about.lowest),
        ("max", about.highest),
    ):
        if value is not None:
            panel = getattr(panel, name)(value)
    return panel


def _asked(panel: Any, queries: Any, *, instant: bool = False, as_table: bool = False) -> Panel:
    for ref, query in zip("ABCDEFGHIJKLMNOP", queries, strict=False):
        asked = prometheus_builders.Dataquery().ref_id(ref).expr(query.expression)
        asked = asked.instant() if instant else asked.range()
        asked = asked.datasource(SOURCE).editor_mode(prometheus.QueryEditorMode.CODE)
        if as_table:
            asked = asked.format(prometheus.PromQueryFormat.TABLE)
        else:
            asked = asked.format(prometheus.PromQueryFormat.TIME_SERIES)
        panel = panel.with_target(asked.legend_format(query.legend or "__auto"))
    told: Panel = panel
    return told


def _drawn(panel: Any, fill: int, by_run: bool) -> Any:
    legend = common_builders.VizLegendOptions().show_legend(True)
    legend = legend.placement(common.LegendPlacement.BOTTOM)
    if by_run:  # names alone, side by side: of a table one would see three
        legend = legend.display_mode(common.LegendDisplayMode.LIST)
    else:
        legend = legend.display_mode(common.LegendDisplayMode.TABLE)
        legend = legend.calcs(["lastNotNull", "min", "max"])
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    panel = panel.legend(legend).tooltip(tooltip.sort(common.SortOrder.DESCENDING))
    return panel.fill_opacity(fill).show_points(common.VisibilityMode.AUTO)


def _last(calculation: str = "lastNotNull") -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs([calculation]).values(False).fields("")
