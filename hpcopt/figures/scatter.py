"""Points, lines, error bars and filled areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hpcopt.figures import text
from hpcopt.figures.color import RGBA, ColorScale, is_array, is_numeric, rgba
from hpcopt.figures.place import INTERACTIVE, Place
from hpcopt.figures.properties import Properties, UntranslatableError
from hpcopt.figures.tick_format import filled

Array = npt.NDArray[np.float64]

#: plotly's symbols, without ``-open``.
_SYMBOLS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "cross": "P",
    "x": "X",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "pentagon": "p",
    "hexagon": "h",
    "hexagon2": "H",
    "octagon": "8",
    "star": "*",
    "x-thin": "x",
    "cross-thin": "+",
    "line-ns": "|",
    "line-ew": "_",
}

_STROKES = ("x", "+", "|", "_")

#: Stars and the like look smaller than circles of their size.
_ENLARGED = {"*": 1.45, "P": 1.15, "X": 1.1}

DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (4.5, 2.5)),
    "dot": (0, (1.2, 1.8)),
    "dashdot": (0, (5, 2, 1.2, 2)),
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1.2, 3)),
}

_STEPS = {"linear": "default", "hv": "steps-post", "vh": "steps-pre"}


def draw_scatter(trace: Properties, place: Place, color: str) -> None:
    """Draw a scatter trace.

    Args:
        trace: What it says.
        place: Where to draw it.
        color: Of the colour way, where it says no colour.
    """
    trace.skip(*INTERACTIVE, "orientation", "offsetgroup", "alignmentgroup", "textfont")
    x, y = _points(trace, place)
    default = "lines+markers" if len(x) < 20 else "lines"
    modes = set(str(trace.get("mode", default)).split("+")) - {"none"}
    if strange := modes - {"lines", "markers", "text"}:
        raise UntranslatableError(f"{trace.where}: mode has {', '.join(strange)}")
    opacity = float(trace.get("opacity", 1.0))
    line = _Line(trace.part("line"), trace.part("marker"), color, opacity)
    handles: dict[str, Any] = {"color": line.color}
    z = place.height_order
    area = _fill(trace, place, line, x, y)
    if "lines" in modes:
        drawn_x, drawn_y = x, y
        if trace.get("connectgaps", False):
            is_there = np.isfinite(x) & np.isfinite(y)
            drawn_x, drawn_y = x[is_there], y[is_there]
        if line.width > 0:
            place.ax.plot(
                drawn_x,
                drawn_y,
                color=line.color,
                linewidth=place.points(line.width),
                linestyle=line.dash,
                drawstyle=line.steps,
                solid_joinstyle="round",
                zorder=z,
            )
            handles |= {"linestyle": line.dash, "lw": place.points(line.width)}
    else:
        handles |= {"linestyle": "none"}
    _errors(trace, place, (x, y), line.color, z)
    if "markers" in modes:
        handles |= _markers(trace.part("marker"), place, (x, y), line, opacity, z)
    else:
        _skip_markers(trace.part("marker"))
    if "text" in modes:
        _texts(trace, place, x, y, z)
    else:
        trace.skip("text", "textposition", "texttemplate")
    place.last_line = (x, y)
    handle: Artist = Line2D([], [], **handles)
    if area is not None and line.width == 0:
        handle = Patch(color=area)
    place.legend.add(trace, handle, text.label(trace.get("name", ""), 40))


def _points(trace: Properties, place: Place) -> tuple[Array, Array]:
    """Return where the points are; what is not said counts from 0."""
    told = [trace.get("x"), trace.get("y")]
    n = min((len(one) for one in told if one is not None), default=0)
    x, y = (
        axis.values([] if one is None else one)[:n]
        if one is not None
        else np.arange(n, dtype=np.float64)
        for axis, one in zip((place.x, place.y), told, strict=True)
    )
    return x, y


class _Line:
    """How a line is drawn."""

    def __init__(
        self, part: Properties, marker: Properties, color: str, opacity: float
    ) -> None:
        other = marker.get("color")
        default = color if other is None or is_array(other) else other
        self.own_color = part.get("color", color)
        self.color: RGBA = rgba(part.get("color", default), opacity)
        self.width = float(part.get("width", 2.0))
        dash = part.one_of("dash", tuple(DASHES), "solid")
        self.dash = DASHES[dash]
        self.steps = _STEPS[part.one_of("shape", tuple(_STEPS), "linear")]
        part.skip("simplify", "smoothing", "backoff")


def _fill(
    trace: Properties, place: Place, line: _Line, x: Array, y: Array
) -> RGBA | None:
    """Fill the area that a trace encloses; return its colour if there is one."""
    kinds = ("none", "tozeroy", "tozerox", "tonexty", "tonextx", "toself")
    kind = trace.one_of("fill", kinds, "none")
    told = trace.get("fillcolor")
    trace.skip("fillpattern")
    if kind == "none":
        return None
    color = rgba(told) if told is not None else (*line.color[:3], line.color[3] * 0.5)
    stepped = _stepped(line.steps, x, y)
    if kind == "toself":
        other = (np.zeros(0), np.zeros(0))
    elif kind.startswith("tonext") and place.last_line is not None:
        other = _stepped(line.steps, *place.last_line)
    elif kind.endswith("y"):
        other = (x[[0, -1]], np.zeros(2)) if len(x) else (x, y)
    else:
        other = (np.zeros(2), y[[0, -1]]) if len(x) else (x, y)
    outline_x = np.concatenate([stepped[0], other[0][::-1]])
    outline_y = np.concatenate([stepped[1], other[1][::-1]])
    place.ax.fill(
        outline_x, outline_y, facecolor=color, linewidth=0, zorder=place.height_order
    )
    return color


def _stepped(steps: str, x: Array, y: Array) -> tuple[Array, Array]:
    if steps == "default":
        return x, y
    xs, ys = np.repeat(x, 2), np.repeat(y, 2)
    return (xs[1:], ys[:-1]) if steps == "steps-post" else (xs[:-1], ys[1:])


def _errors(
    trace: Properties, place: Place, at: tuple[Array, Array], color: RGBA, z: float
) -> None:
    for way in ("x", "y"):
        draw_error_bars(trace.part(f"error_{way}"), way, place, at, color, z)


def draw_error_bars(
    part: Properties,
    way: str,
    place: Place,
    at: tuple[Array, Array],
    color: RGBA,
    z: float,
) -> None:
    """Draw the error bars of points, of which those without length are left out."""
    part.skip("width", "copy_ystyle", "copy_xstyle", "copy_zstyle", "traceref")
    part.skip("tracerefminus", "symmetric")
    array, value = part.numbers("array"), part.get("value")
    minus, value_minus = part.numbers("arrayminus"), part.get("valueminus")
    kinds = ("data", "constant", "percent")
    kind = part.one_of("type", kinds, "data" if array is not None else "constant")
    told, thickness = part.get("color"), float(part.get("thickness", 2.0))
    if not part.get("visible", array is not None or value is not None):
        return
    center = at[0] if way == "x" else at[1]
    if kind == "data":
        upper = np.zeros(len(center)) if array is None else array[: len(center)]
        lower = upper if minus is None else minus[: len(center)]
    else:
        share = np.abs(center) / 100 if kind == "percent" else np.ones(len(center))
        upper = share * float(10.0 if value is None else value)
        lower = upper if value_minus is None else share * float(value_minus)
    has_length = (np.nan_to_num(lower) > 0) | (np.nan_to_num(upper) > 0)
    if not has_length.any():
        return
    reach = np.nan_to_num(np.stack([lower, upper])[:, has_length])
    place.ax.errorbar(
        at[0][has_length],
        at[1][has_length],
        xerr=reach if way == "x" else None,
        yerr=reach if way == "y" else None,
        fmt="none",
        ecolor=color if told is None else rgba(told),
        elinewidth=place.points(thickness),
        zorder=z - 0.004,
    )


def _markers(
    part: Properties,
    place: Place,
    at: tuple[Array, Array],
    line_of: _Line,
    opacity: float,
    z: float,
) -> dict[str, Any]:
    """Draw the markers; return how one is in a legend."""
    n = len(at[0])
    part.skip("angle", "angleref", "gradient", "maxdisplayed", "standoff", "coloraxis")
    told = part.get("opacity", 1.0)
    clear = np.broadcast_to(np.array(told, dtype=float), n) * opacity
    fill = _colors(part, place, part.get("color", line_of.own_color), n)
    line = part.part("line")
    line_width = np.array(line.get("width", 0.0), dtype=float)
    widths = np.broadcast_to(np.nan_to_num(line_width), n)
    outline = _colors(line, place, line.get("color", "#444444"), n)
    fill, outline = fill.copy(), outline.copy()
    fill[:, 3] *= clear
    outline[:, 3] *= clear
    sizes = _diameters(part, n)
    symbols = np.broadcast_to(np.array(part.get("symbol", "circle"), dtype=object), n)
    is_seen = (sizes > 0) & np.isfinite(at[0]) & np.isfinite(at[1])
    handle: dict[str, Any] = {}
    for symbol in dict.fromkeys(symbols):
        rows = np.flatnonzero((symbols == symbol) & is_seen)
        marker, is_open = _marker(symbol, part.where)
        face, edge, width = fill[rows], outline[rows], widths[rows]
        if marker in _STROKES:
            face = fill[rows] if is_open else outline[rows]
            edge, width = face, np.maximum(width, 1.0)
        elif is_open:
            edge, width = fill[rows], np.maximum(width, 1.0)
            face = np.zeros_like(fill[rows])
        diameters = sizes[rows] * _ENLARGED.get(marker, 1.0)
        area = (place.points(1.0) * diameters) ** 2
        styles: dict[str, Any] = {"linewidths": place.points(1.0) * width}
        if marker in _STROKES:
            styles["c"] = face
        else:
            styles |= {"facecolors": face, "edgecolors": edge}
        if len(rows):
            place.ax.scatter(
                at[0][rows], at[1][rows], s=area, marker=marker, zorder=z, **styles
            )
        if not handle and len(rows):
            handle = {
                "marker": marker,
                "markersize": float(np.sqrt(area.max())),
                "markerfacecolor": tuple(face[0]),
                "markeredgecolor": tuple(edge[0]),
                "markeredgewidth": float(place.points(1.0) * width[0]),
            }
    return handle


def _skip_markers(part: Properties) -> None:
    part.skip("size", "symbol", "line", "opacity", "color", "colorscale", "showscale")
    part.skip("colorbar", "cmin", "cmax", "pattern", "coloraxis")


def _marker(symbol: object, where: str) -> tuple[str, bool]:
    name = str(symbol)
    is_open = name.endswith("-open")
    marker = _SYMBOLS.get(name.removesuffix("-open"))
    if marker is None:
        raise UntranslatableError(f"{where}: symbol is {name!r}, which is not known")
    return marker, is_open


def _colors(
    part: Properties, place: Place, told: object, n: int
) -> npt.NDArray[np.float64]:
    """Return the colour of each point, shape ``(n, 4)``."""
    if is_numeric(told) and n:
        values = np.array(told, dtype=np.float64)
        scale = ColorScale(part, values)
        place.legend.add_bar(part, scale, default=False)
        return np.array(np.broadcast_to(scale.colors(values), (n, 4)))
    if is_array(told):
        part.skip("colorscale", "showscale", "cmin", "cmax", "colorbar")
        each = list(told)  # type: ignore[call-overload]
        return np.array([rgba(one) for one in each], dtype=float).reshape(-1, 4)
    part.skip("colorscale", "showscale", "cmin", "cmax", "colorbar", "reversescale")
    part.skip("cauto", "autocolorscale", "cmid")
    return np.tile(np.array(rgba(told)), (n, 1))


def _diameters(part: Properties, n: int) -> Array:
    """Return the markers' diameters in plotly's pixels, shape ``(n,)``."""
    told = part.get("size", 6.0)
    mode = part.one_of("sizemode", ("diameter", "area"), "diameter")
    reference, least = float(part.get("sizeref", 1.0)), float(part.get("sizemin", 0.0))
    if not is_array(told):
        return np.full(n, float(told))
    sizes = np.nan_to_num(np.array(told, dtype=np.float64))
    halves = sizes / 2 / reference
    radii = np.sqrt(halves) if mode == "area" else halves
    return 2.0 * np.maximum(radii, least)


def _texts(trace: Properties, place: Place, x: Array, y: Array, z: float) -> None:
    position = str(trace.get("textposition", "middle center"))
    vertical, horizontal = (*position.split(), "center")[:2]
    told, template = trace.get("text", ""), trace.get("texttemplate")
    for k, at in enumerate(zip(x, y, strict=True)):
        one = str(told[k] if is_array(told) else told)
        if template:
            one = filled(template, {"x": at[0], "y": at[1], "text": one})
        place.ax.annotate(
            text.label(one),
            at,
            xytext=(
                {"left": -3, "right": 3}.get(horizontal, 0),
                {"top": 3, "bottom": -3}.get(vertical, 0),
            ),
            textcoords="offset points",
            ha={"left": "right", "right": "left"}.get(horizontal, "center"),
            va={"top": "bottom", "bottom": "top"}.get(vertical, "center"),
            fontsize=place.size.small,
            zorder=z,
        )
