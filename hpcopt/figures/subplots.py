"""The subplots of a figure: where they are, and which axes they share."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from hpcopt.figures.axis import PlotAxis
from hpcopt.figures.place import Legend, Place
from hpcopt.figures.properties import Properties
from hpcopt.figures.size import FigureSize

Span = tuple[float, float]


def make_places(
    figure: Figure,
    traces: Sequence[Properties],
    layout: Properties,
    size: FigureSize,
    legend: Legend,
) -> dict[tuple[str, str], Place]:
    """Make the subplots that traces name, with axes that know their categories.

    Args:
        figure: Where to make them.
        traces: All that will be drawn.
        layout: The figure's layout.
        size: The figure's size.
        legend: What all subplots share.
    """
    pairs = dict.fromkeys(
        (str(t.get("xaxis", "x")), str(t.get("yaxis", "y"))) for t in traces
    ) or {("x", "y"): None}
    axes = {
        name: PlotAxis("x" if name[0] == "x" else "y", layout.part(_key(name)))
        for pair in pairs
        for name in pair
    }
    for trace in traces:
        axes[str(trace.get("xaxis", "x"))].learn(trace.get("x"))
        axes[str(trace.get("yaxis", "y"))].learn(trace.get("y"))
        lying = trace.get("type") == "bar" and trace.get("orientation") == "h"
        if trace.get("type") == "bar" and trace.get("base") is not None:
            along = str(trace.get("xaxis", "x") if lying else trace.get("yaxis", "y"))
            axes[along].learn(trace.get("base"))
    for axis in axes.values():
        axis.settle()
    _skip_unused(layout, axes)
    grid = _Grid([(_domain(axes[x]), _domain(axes[y])) for x, y in pairs])
    places: dict[tuple[str, str], Place] = {}
    for x, y in pairs:
        below = axes[y].part.get("overlaying")
        if below and (x, below) in places:
            ax = places[x, below].ax.twinx()
            ax.spines.right.set_visible(True)
        else:
            ax = grid.add(figure, _domain(axes[x]), _domain(axes[y]))
        if axes[x].type == "log":
            ax.set_xscale("log")
        if axes[y].type == "log":
            ax.set_yscale("log")
        places[x, y] = Place(ax, axes[x], axes[y], size, legend, layout)
    _share(places)
    return places


def _share(places: dict[tuple[str, str], Place]) -> None:
    """Let subplots with one axis, or with axes that match, have the same limits."""
    first: dict[str, Place] = {}
    for (x, y), place in places.items():
        x_name = str(place.x.part.get("matches") or x)
        y_name = str(place.y.part.get("matches") or y)
        is_twin = place.y.part.get("overlaying")
        if x_name in first and not is_twin:
            place.ax.sharex(first[x_name].ax)
        if y_name in first:
            place.ax.sharey(first[y_name].ax)
        first.setdefault(x_name, place)
        first.setdefault(y_name, place)


def _key(name: str) -> str:
    return f"{name[0]}axis{name[1:]}"


def _skip_unused(layout: Properties, axes: dict[str, PlotAxis]) -> None:
    for way in ("x", "y"):
        for number in ("", *map(str, range(1, 40))):
            if f"{way}{number}" not in axes:
                layout.skip(f"{way}axis{number}")


def _domain(axis: PlotAxis) -> Span:
    low, high = axis.part.get("domain") or (0.0, 1.0)
    return float(low), float(high)


class _Grid:
    """A grid that has a cell, or several, for each pair of domains."""

    def __init__(self, domains: Sequence[tuple[Span, Span]]) -> None:
        self._columns = _cells([x for x, _ in domains])
        self._rows = _cells([y for _, y in domains])[::-1]
        self._spec: GridSpec | None = None

    def add(self, figure: Figure, x: Span, y: Span):  # type: ignore[no-untyped-def]
        """Add the subplot of a pair of domains, and return its axes."""
        if self._spec is None:
            self._spec = figure.add_gridspec(
                len(self._rows),
                len(self._columns),
                width_ratios=[high - low for low, high in self._columns],
                height_ratios=[high - low for low, high in self._rows],
            )
        columns = _within(self._columns, x)
        rows = _within(self._rows, y)
        return figure.add_subplot(
            self._spec[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        )


def _cells(domains: Sequence[Span]) -> list[Span]:
    """Return the narrowest domains that begin at each place, from low to high."""
    starts = sorted({low for low, _ in domains})
    return [
        (start, min(high for low, high in domains if low == start)) for start in starts
    ]


def _within(cells: Sequence[Span], domain: Span) -> list[int]:
    found = [k for k, (low, _) in enumerate(cells) if domain[0] <= low < domain[1]]
    return found or [0]
