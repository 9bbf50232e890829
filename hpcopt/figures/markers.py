"""Points: their symbols, sizes and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.figures.color import ColorScale, is_array, is_numeric, rgba
from hpcopt.figures.place import Place
from hpcopt.figures.properties import Properties, UntranslatableError

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


def draw_markers(
    part: Properties,
    place: Place,
    at: tuple[Array, Array],
    color: object,
    opacity: float,
    z: float,
) -> dict[str, Any]:
    """Draw the markers; return how one is in a legend."""
    n = len(at[0])
    part.skip("gradient", "coloraxis")
    told = part.get("opacity", 1.0)
    clear = np.broadcast_to(np.array(told, dtype=float), n) * opacity
    fill = _colors(part, place, part.get("color", color), n)
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


def skip_markers(part: Properties) -> None:
    """Note how markers would be that are not drawn."""
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
