"""A plotly figure as a figure of matplotlib's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hpcopt.figures import text
from hpcopt.figures.bars import draw_bars
from hpcopt.figures.color import COLORWAY
from hpcopt.figures.grids import draw_contour, draw_heatmap
from hpcopt.figures.legend import add_legend
from hpcopt.figures.marks import draw_annotations, draw_shapes
from hpcopt.figures.parallel import draw_parallel
from hpcopt.figures.place import Legend
from hpcopt.figures.properties import Properties, UntranslatableError, words
from hpcopt.figures.scatter import draw_scatter
from hpcopt.figures.size import HIGHEST, MM_PER_INCH, FigureSize
from hpcopt.figures.subplots import make_places

_SCATTER = ("scatter", "scattergl")
_KNOWN = (*_SCATTER, "bar", "heatmap", "contour", "parcoords")

#: What of a layout is a matter of the look, or for the pointer. Choices, as buttons
#: offer them, are drawn as the figure is first shown.
_LOOK = words(
    "autosize autotypenumbers clickmode colorscale dragmode font hidesources "
    "hoverdistance hoverlabel hovermode margin meta minreducedheight minreducedwidth "
    "modebar newshape paper_bgcolor plot_bgcolor selectdirection selectionrevision "
    "separators showlegend spikedistance template transition uirevision uniformtext "
    "updatemenus sliders grid coloraxis height width title scattermode scattergap"
)


def draw(plot: Mapping[str, Any], size: FigureSize, title: str = "") -> Figure:
    """Return a figure; ``settings(size)`` must hold, here and when it is saved.

    Args:
        plot: A figure's ``data`` and ``layout`` as plotly's JSON has it, with arrays.
        size: How large it is.
        title: What is above it, if the size asks for a title.

    Raises:
        UntranslatableError: It says what cannot be drawn.
    """
    layout = Properties(plot.get("layout"), "layout")
    traces = [
        Properties(_with_shared_scale(one, layout), f"trace {k} ({_type(one)})")
        for k, one in enumerate(plot.get("data", ()))
    ]
    traces = [one for one in traces if one.get("visible", True) is True]
    for trace in traces:
        if trace.get("type", "scatter") not in _KNOWN:
            raise UntranslatableError(f"{trace.where}: this kind is not drawn here")
    figure = Figure(layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if traces and all(one.get("type") == "parcoords" for one in traces):
        legend = Legend()
        ax = figure.add_subplot()
        _set_size(figure, size, layout, 0)
        for trace in traces:
            draw_parallel(trace, ax, size, legend)
        axes = [ax]
    else:
        legend, axes = _draw_axes(figure, traces, layout, size)
    layout.skip(*_LOOK, "legend")
    add_legend(figure, axes, legend, layout, size)
    if size.has_title and title:
        characters = int(size.width * 72 / MM_PER_INCH / (0.58 * size.font))
        written = text.wrapped(text.drawable(title), characters)
        figure.suptitle(written, x=0.01, ha="left", fontsize=size.font * 1.1)
    for trace in traces:
        trace.check()
    layout.check()
    return figure


def _draw_axes(
    figure: Figure,
    traces: Sequence[Properties],
    layout: Properties,
    size: FigureSize,
) -> tuple[Legend, list[Axes]]:
    legend = Legend()
    places = make_places(figure, traces, layout, size, legend)
    most = max([len(place.y.categories) for place in places.values()], default=0)
    _set_size(figure, size, layout, most)
    colors = _colorway(layout)
    bars: dict[tuple[str, str], list[tuple[Properties, str]]] = {}
    for k, trace in enumerate(traces):
        at = str(trace.get("xaxis", "x")), str(trace.get("yaxis", "y"))
        place, color = places[at], colors[k % len(colors)]
        kind = trace.get("type", "scatter")
        if kind in _SCATTER:
            draw_scatter(trace, place, color)
        elif kind == "bar":
            bars.setdefault(at, []).append((trace, color))
        elif kind == "heatmap":
            draw_heatmap(trace, place)
        else:
            draw_contour(trace, place)
    for at, of_place in bars.items():
        draw_bars(of_place, places[at], layout)
    layout.skip("barmode", "bargap", "bargroupgap")
    draw_shapes(layout.get("shapes", ()), places)
    height = figure.get_figheight() * MM_PER_INCH
    for place in places.values():
        box = place.ax.get_subplotspec()
        share_x, share_y = (1.0, 1.0) if box is None else _shares(box)
        for axis, length in (
            (place.x, 0.78 * size.width * share_x),
            (place.y, 0.75 * height * share_y),
        ):
            axis.apply(place.ax, size, length)
        if place.y.part.get("scaleanchor") and not place.y.part.get("scaleratio"):
            place.ax.set_aspect("equal", adjustable="box")
    draw_annotations(layout.get("annotations", ()), places, figure)
    for place in places.values():
        for axis in (place.x, place.y):
            axis.part.check()
    return legend, [place.ax for place in places.values()]


def _shares(box: Any) -> tuple[float, float]:
    """Return which part of the figure a subplot has, along and across."""
    rows, columns, first, last = box.get_geometry()
    wide = (last % columns - first % columns + 1) / columns
    high = (last // columns - first // columns + 1) / rows
    return wide, high


def _set_size(
    figure: Figure, size: FigureSize, layout: Properties, n_categories: int
) -> None:
    """Set a figure's size: as high as plotly's, or as many names need."""
    told = layout.get("height"), layout.get("width")
    ratio = 0.72 if size.width < 150 else 0.5
    if told[0]:
        ratio = float(np.clip(float(told[0]) / float(told[1] or 640), 0.3, 1.4))
    if size.has_title:
        ratio = 0.56
    lines = (n_categories * 1.5 + 6) * size.small / 72 * MM_PER_INCH
    height = min(max(ratio * size.width, lines), max(HIGHEST, ratio * size.width))
    if size.has_title:
        height = ratio * size.width
    figure.set_size_inches(size.width / MM_PER_INCH, height / MM_PER_INCH)


def _type(trace: Mapping[str, Any]) -> str:
    return str(trace.get("type", "scatter"))


def _colorway(layout: Properties) -> Sequence[str]:
    template = (layout.get("template") or {}).get("layout", {})
    found: Sequence[str] = layout.get("colorway") or template.get("colorway")
    return found or COLORWAY


def _with_shared_scale(
    trace: Mapping[str, Any], layout: Properties
) -> Mapping[str, Any]:
    """Return a trace with the colour axis of the layout that it names, if it does."""
    if trace.get("coloraxis"):
        return {**(layout.get(trace["coloraxis"]) or {}), "showscale": True, **trace}
    found = dict(trace)
    for name in ("marker", "line"):
        part = trace.get(name)
        if isinstance(part, Mapping) and part.get("coloraxis"):
            shared = layout.get(part["coloraxis"]) or {}
            found[name] = {**shared, "showscale": True, **part}
    return found
