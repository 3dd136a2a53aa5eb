"""What the dashboard's panels have in common: size, unit, colours, the desk that is looked at."""  # noqa: INP001  (deploy/ holds files for operators; it is no package of ours)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import (
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel

DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Whichever Prometheus the reader chooses at the top."""

COLUMNS = 24
"""Of Grafana's grid."""

LINES_HEIGHT, STAT_HEIGHT = 8, 4
"""Rows of the grid: two rows of lines on a laptop's screen, under one of figures."""

GOOD, BAD = "green", "red"


@dataclass(frozen=True, slots=True)
class Query:
    """One line or figure: a PromQL expression, and what its legend says."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A headline of the dashboard and what stands below it."""

    title: str
    panels: tuple[Panel, ...]


def _targets(
    queries: tuple[Query, ...], *, instant: bool = False, form: PromQueryFormat | None = None
) -> list[prometheus.Dataquery]:
    return [_target(number, query, form, instant=instant) for number, query in enumerate(queries)]


def _target(
    number: int, query: Query, form: PromQueryFormat | None, *, instant: bool
) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + number))
    made = made.legend_format(query.legend or "__auto").datasource(DATASOURCE)
    if form is not None:
        made = made.format(form)
    return made.instant() if instant else made.range()


def _thresholds(first: str, *steps: tuple[float, str]) -> Builder[dashboard.ThresholdsConfig]:
    levels = [dashboard.Threshold(value=None, color=first)]  # None: from minus infinity on
    levels += [dashboard.Threshold(value=value, color=colour) for value, colour in steps]
    mode = dashboard.ThresholdsMode.ABSOLUTE
    return dashboard_builders.ThresholdsConfig().mode(mode).steps(levels)


def lines(title: str, about: str, unit: str, *queries: Query, width: int = 8) -> timeseries.Panel:
    """Lines over time; ``unit`` is Grafana's name of one, e.g. ``s`` or ``bytes``."""
    legend = (
        common_builders.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    tooltip = (
        common_builders.VizTooltipOptions()
        .mode(common.TooltipDisplayMode.MULTI)
        .sort(common.SortOrder.DESCENDING)
    )
    panel = timeseries.Panel().title(title).description(about).datasource(DATASOURCE)
    panel = panel.unit(unit).min(0).span(width).height(LINES_HEIGHT).legend(legend)
    panel = panel.tooltip(tooltip).line_width(1).fill_opacity(10)
    # A process that isn't there leaves a gap: a line drawn over it would hide an outage.
    panel = panel.show_points(common.VisibilityMode.NEVER).span_nulls(False)
    return panel.targets(list(_targets(queries)))


def figure(
    title: str,
    about: str,
    query: str,
    *steps: tuple[float, str],
    unit: str = "short",
    first: str = GOOD,
) -> stat.Panel:
    """One figure as it is now, coloured ``first``, and from each step on as that says."""
    reduce = common_builders.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    panel = stat.Panel().title(title).description(about).datasource(DATASOURCE)
    panel = panel.unit(unit).span(3).height(STAT_HEIGHT).no_value("–")
    panel = panel.reduce_options(reduce).thresholds(_thresholds(first, *steps))
    panel = panel.graph_mode(common.BigValueGraphMode.NONE)
    panel = panel.color_mode(common.BigValueColorMode.VALUE)
    return panel.targets(list(_targets((Query(query),), instant=True)))


def states(title: str, about: str, *queries: Query, width: int = 8) -> statetimeline.Panel:
    """Bars of what was so when: 0 is well, 1 isn't."""
    words = dashboard.ValueMap(
        options={
            "0": dashboard.ValueMappingResult(text="no", color=GOOD, index=0),
            "1": dashboard.ValueMappingResult(text="yes", color=BAD, index=1),
        }
    )
    panel = statetimeline.Panel().title(title).description(about).datasource(DATASOURCE)
    panel = panel.span(width).height(LINES_HEIGHT).mappings([words])
    panel = panel.show_value(common.VisibilityMode.NEVER).fill_opacity(70)
    panel = panel.thresholds(_thresholds(GOOD, (1, BAD)))
    return panel.targets(list(_targets(queries)))


def rows_of(title: str, about: str, query: str, *columns: str, width: int = 8) -> table.Panel:
    """The labels ``columns`` of what a query finds now, as a table."""
    panel = table.Panel().title(title).description(about).datasource(DATASOURCE)
    panel = panel.span(width).height(LINES_HEIGHT)
    keep = dashboard.DataTransformerConfig(
        id_val="filterFieldsByName", options={"include": {"names": list(columns)}}
    )
    panel = panel.with_transformation(keep)
    form = PromQueryFormat.TABLE
    return panel.targets(list(_targets((Query(query),), instant=True, form=form)))
