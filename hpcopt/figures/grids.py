"""Heat maps and contours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import ticker

from hpcopt.figures import text
from hpcopt.figures.color import ColorScale, rgba
from hpcopt.figures.place import INTERACTIVE, Place
from hpcopt.figures.properties import Properties, UntranslatableError
from hpcopt.figures.tick_format import filled

Array = npt.NDArray[np.float64]

#: What of a grid changes nothing that is drawn here.
_LOOK = ("autocontour", "ncontours", "legendgroup", "name", "showlegend", "opacity")


def draw_heatmap(trace: Properties, place: Place) -> None:
    """Draw a grid of coloured cells, with a text in each where there is one."""
    trace.skip(*INTERACTIVE, *_LOOK, "coloraxis", "xgap", "ygap", "textfont", "zorder")
    x, y, z = _grid(trace, place)
    smooth = trace.one_of("zsmooth", (False, "best", "fast"), False)
    scale = ColorScale(trace, z)
    place.legend.add_bar(trace, scale, default=True)
    if smooth:
        _shade(place, x, y, z, scale)
    else:
        x_edges = _edges(x, z.shape[1], is_log=place.x.type == "log")
        y_edges = _edges(y, z.shape[0], is_log=place.y.type == "log")
        place.ax.pcolormesh(
            x_edges, y_edges, z, cmap=scale.map, norm=scale.norm, zorder=1.5
        )
        x, y = (_middles(e, len(c)) for e, c in ((x_edges, x), (y_edges, y)))
    _texts(trace, place, x, y, z, scale)


def draw_contour(trace: Properties, place: Place) -> None:
    """Draw a surface as colours that go over into each other, with lines of a level."""
    trace.skip(*INTERACTIVE, *_LOOK, "coloraxis", "connectgaps", "zorder")
    x, y, z = _grid(trace, place)
    place.x.is_filled = place.y.is_filled = True
    contours = trace.part("contours")
    known = ("heatmap", "fill", "lines", "none")
    coloring = contours.one_of("coloring", known, "fill")
    contours.one_of("type", ("levels",), "levels")
    contours.skip("labelfont", "labelformat", "showlabels")
    has_lines = contours.get("showlines", True)
    ends = contours.get("start"), contours.get("end"), contours.get("size")
    scale = ColorScale(trace, z)
    place.legend.add_bar(trace, scale, default=True)
    if coloring in ("heatmap", "fill"):
        _shade(place, x, y, z, scale)
    line = trace.part("line")
    line.skip("dash", "smoothing")
    width, color = float(line.get("width", 0.5)), line.get("color", "#444444")
    if np.isfinite(z).any() and np.ptp(z[np.isfinite(z)]) > 0 and has_lines:
        if None in ends:
            ticks = ticker.MaxNLocator(12).tick_values(np.nanmin(z), np.nanmax(z))
            levels = np.asarray(ticks)
        else:
            start, stop, size = (float(str(end)) for end in ends)
            levels = np.arange(start, stop + size / 2, size)
        inner = levels[(levels > np.nanmin(z)) & (levels < np.nanmax(z))]
        if len(inner) and min(z.shape) > 1:
            place.ax.contour(
                x,
                y,
                z,
                levels=inner,
                **(
                    {"cmap": scale.map, "norm": scale.norm}
                    if coloring == "lines"
                    else {"colors": [rgba(color)]}
                ),
                linewidths=max(0.4, place.points(width)),
                linestyles="solid",
                zorder=1.6,
            )


def _grid(trace: Properties, place: Place) -> tuple[Array, Array, Array]:
    told = trace.get("z")
    if told is None:
        raise UntranslatableError(f"{trace.where} has no z")
    z = np.array(told, dtype=np.float64)
    if z.ndim != 2:
        raise UntranslatableError(f"{trace.where}: z has {z.ndim} dimensions")
    if trace.get("transpose", False):
        z = z.T
    x, y = trace.get("x"), trace.get("y")
    at_x = np.arange(z.shape[1], dtype=float) if x is None else place.x.values(x)
    at_y = np.arange(z.shape[0], dtype=float) if y is None else place.y.values(y)
    return at_x, at_y, z


def _shade(place: Place, x: Array, y: Array, z: Array, scale: ColorScale) -> None:
    """Colour an area between the points of a grid, which need not be even."""
    is_whole = bool(np.isfinite(z).all())
    # As vectors its triangles would show their edges in many viewers.
    place.ax.pcolormesh(
        x,
        y,
        z,
        shading="gouraud" if is_whole and min(z.shape) > 1 else "nearest",
        cmap=scale.map,
        norm=scale.norm,
        rasterized=True,
        zorder=1.5,
    )


def _edges(at: Array, n: int, *, is_log: bool) -> Array:
    """Return the edges of ``n`` cells of which the middles, or the edges, are told."""
    if len(at) == n + 1:
        return at
    places = np.log10(at) if is_log else at
    if n == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    halves = np.diff(places) / 2
    edges = np.concatenate(
        [places[:1] - halves[0], places[:-1] + halves, places[-1:] + halves[-1]]
    )
    return np.asarray(10.0**edges if is_log else edges)


def _middles(edges: Array, n: int) -> Array:
    return edges if len(edges) == n - 1 else (edges[:-1] + edges[1:]) / 2


def _texts(
    trace: Properties, place: Place, x: Array, y: Array, z: Array, scale: ColorScale
) -> None:
    told, template = trace.get("text"), trace.get("texttemplate")
    if not template:
        return
    for row, at_y in enumerate(y):
        for column, at_x in enumerate(x):
            if not np.isfinite(z[row, column]):
                continue
            own = "" if told is None else told[row][column]
            point = {"z": z[row, column], "text": own, "x": at_x, "y": at_y}
            red, green, blue, _ = scale.colors(z[row, column : column + 1])[0]
            is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
            place.ax.text(
                at_x,
                at_y,
                text.label(filled(template, point)),
                ha="center",
                va="center",
                fontsize=place.size.small,
                color="white" if is_dark else "black",
                zorder=3,
            )
