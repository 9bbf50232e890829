"""The names of traces above a figure, and colour bars beside it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hpcopt.figures import text
from hpcopt.figures.place import Legend, number
from hpcopt.figures.properties import Properties
from hpcopt.figures.size import MM_PER_INCH, FigureSize

#: More names than these are not told apart by colours.
_MOST = 24


def add_legend(
    figure: Figure,
    axes: Sequence[Axes],
    legend: Legend,
    layout: Properties,
    size: FigureSize,
) -> None:
    """Add what is beside the data.

    Args:
        figure: Where.
        axes: Its subplots.
        legend: What traces have left for it.
        layout: The figure's layout.
        size: The figure's size.
    """
    told = layout.get("showlegend")
    entries = legend.entries
    is_shown = len(entries) > 1 or legend.is_asked_for or told is True
    if entries and is_shown and told is not False:
        if len(entries) > _MOST:
            more = len(entries) - _MOST + 1
            blank = Line2D([], [], linestyle="none")
            entries = [*entries[: _MOST - 1], (blank, f"and {more} more")]
        longest = max(len(line) for _, name in entries for line in name.split("\n"))
        points = size.width * 72 / MM_PER_INCH
        columns = int(points / (0.58 * size.small * (longest + 5)))
        figure.legend(
            [handle for handle, _ in entries],
            [name for _, name in entries],
            loc="outside lower left" if size.has_title else "outside upper left",
            ncols=max(1, min(columns, len(entries))),
            handlelength=1.6,
            columnspacing=1.0,
            handletextpad=0.5,
            borderpad=0.1,
            borderaxespad=0.1,
        )
    for shown, title, form, is_whole in legend.bars:
        bar = figure.colorbar(
            shown, ax=list(axes), pad=0.02, fraction=0.05, aspect=25, shrink=0.95
        )
        bar.outline.set_visible(False)
        name = text.label(title, 30)
        bar.set_label(name)
        bar.ax.yaxis.set_major_locator(ticker.MaxNLocator(6, integer=is_whole))
        bar.ax.yaxis.set_major_formatter(
            ticker.FuncFormatter(lambda value, _=None, form=form: number(value, form))
        )
