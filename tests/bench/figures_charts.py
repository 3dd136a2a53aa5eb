"""Plots of figures, as SVG that stands alone and is the same for the same figures."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from tests.bench.figures import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tests.bench.figures import Plot

SIZE = (7.0, 3.4)
"""Inches: a page's width, and low enough that two plots are seen together."""

STYLE: dict[str, Any] = {
    # Without these, ids and a date would change with every run.
    "svg.hashsalt": "wiredesk",
    # As text: it can be read aloud, searched, and takes the reader's fonts.
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
WIDTH = 0.8
"""Of a group of bars; the rest is the gap to the next."""


PLAIN = FuncFormatter(lambda value, _place: shown(value))
"""Numbers on a logarithmic axis without powers of ten."""


def drawn(plot: Plot) -> str:
    """The plot as SVG."""
    with mpl.rc_context(cast("Any", STYLE)):  # it knows the names one by one
        canvas = Canvas(figsize=SIZE, layout="constrained")
        axes = canvas.add_subplot()
        {"lines": _lines, "steps": _steps, "bars": _bars}[plot.kind](axes, plot)
        _dressed(axes, plot)
        out = StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _lines(axes: Axes, plot: Plot) -> None:
    for name, line in plot.lines.items():
        axes.plot(line.x, line.y, marker="o", markersize=4, label=name)


def _steps(axes: Axes, plot: Plot) -> None:
    for name, line in plot.lines.items():
        axes.step(line.x, line.y, where="post", label=name)


def _bars(axes: Axes, plot: Plot) -> None:
    each = WIDTH / max(1, len(plot.lines))
    for place, (name, line) in enumerate(plot.lines.items()):
        shift = (place - (len(plot.lines) - 1) / 2) * each
        bars = axes.bar([x + shift for x in line.x], line.y, each, label=name)
        axes.bar_label(bars, fmt=shown, padding=2, fontsize=8)
    axes.set_xticks(range(len(plot.x_names)), plot.x_names)
    axes.margins(y=0.1)  # room for the numbers on the bars


def _dressed(axes: Axes, plot: Plot) -> None:
    axes.set_title(plot.title, loc="left", fontsize=10)
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    if plot.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(PLAIN)
    if plot.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(PLAIN)
    else:
        axes.set_ylim(bottom=0)
    for name, height in plot.marks.items():
        axes.axhline(height, linestyle="--", color="0.4", label=name)
    if len(plot.lines) + len(plot.marks) > 1:
        axes.legend(frameon=False, fontsize=8)
