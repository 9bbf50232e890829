"""Bars: beside each other, stacked, from a base, upright or lying."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Patch

from hpcopt.figures import text
from hpcopt.figures.color import ColorScale, is_array, is_numeric, rgba
from hpcopt.figures.error_bars import draw_error_bars
from hpcopt.figures.place import INTERACTIVE, Place
from hpcopt.figures.properties import Properties
from hpcopt.figures.tick_format import filled

Array = npt.NDArray[np.float64]

#: matplotlib's signs are the denser the more often they are repeated.
_HATCHES = {
    "": "",
    "/": "////",
    "\\": "\\\\\\\\",
    "x": "xxx",
    "-": "----",
    "|": "||||",
    "+": "++",
    ".": "...",
}

_MODES = ("group", "stack", "relative", "overlay")


def draw_bars(
    traces: Sequence[tuple[Properties, str]], place: Place, layout: Properties
) -> None:
    """Draw all traces of bars of one subplot.

    Args:
        traces: What each says, with a colour of the colour way.
        place: Where to draw them.
        layout: The figure's layout, which says how bars stand to each other.
    """
    mode = layout.one_of("barmode", _MODES, "group")
    gap = float(layout.get("bargap", 0.2))
    layout.skip("bargroupgap", "barcornerradius")
    tops: dict[tuple[float, bool], float] = {}
    positions = [_position(trace, place) for trace, _ in traces]
    step = _step(positions)
    # Where no two bars meet each has the room of all.
    n = len(traces) if mode == "group" and _meet(positions) else 1
    for k, (trace, color) in enumerate(traces):
        at, lengths, is_lying = positions[k]
        trace.skip(*INTERACTIVE, "offsetgroup", "alignmentgroup", "textfont")
        trace.skip("insidetextanchor", "insidetextfont", "outsidetextfont")
        trace.skip("constraintext", "textangle", "legendgroup")
        told = trace.get("width")
        width = np.full(len(at), step * (1 - gap) / n)
        if told is not None:
            width = np.broadcast_to(np.array(told, dtype=float), len(at))
        offset = trace.get("offset")
        if offset is not None:
            at = at + np.array(offset, dtype=float) + width / 2
        elif n > 1 and told is None:
            at = at + (k - (n - 1) / 2) * step * (1 - gap) / n
        base = _base(trace, place, at, lengths, mode, tops)
        _draw(trace, place, color, (at, lengths, width, base), is_lying=is_lying)


def _position(trace: Properties, place: Place) -> tuple[Array, Array, bool]:
    """Return where bars stand, how long they are, and if they are lying."""
    x, y = trace.get("x"), trace.get("y")
    is_lying = trace.one_of("orientation", ("v", "h"), "v") == "h"
    along = place.y if is_lying else place.x
    told, lengths = (y, x) if is_lying else (x, y)
    n = len(lengths if lengths is not None else ())
    at = np.arange(n, dtype=float) if told is None else along.values(told)
    of_length = np.array([] if lengths is None else lengths, dtype=np.float64)
    across = place.x if is_lying else place.y
    if across.type == "date" and of_length.size:
        of_length = of_length / 86_400_000.0  # a length of time is in ms
    return at[:n], of_length[: len(at)], is_lying


def _step(positions: Sequence[tuple[Array, Array, bool]]) -> float:
    every = np.unique(np.concatenate([at for at, _, _ in positions] or [np.zeros(0)]))
    gaps = np.diff(every[np.isfinite(every)])
    return float(gaps.min()) if gaps.size else 1.0


def _meet(positions: Sequence[tuple[Array, Array, bool]]) -> bool:
    every = np.concatenate([at for at, _, _ in positions])
    return len(np.unique(every)) < len(every)


def _base(
    trace: Properties,
    place: Place,
    at: Array,
    lengths: Array,
    mode: str,
    tops: dict[tuple[float, bool], float],
) -> Array:
    """Return where bars begin; those that are stacked, where the others end."""
    told = trace.get("base")
    if told is not None:
        is_lying = trace.get("orientation", "v") == "h"
        axis = place.x if is_lying else place.y
        each = told if is_array(told) else [told] * len(at)
        return axis.values(each)
    base = np.zeros(len(at))
    if mode in ("stack", "relative"):
        for k, (where, length) in enumerate(zip(at, lengths, strict=True)):
            key = (float(where), bool(length < 0))
            base[k] = tops.get(key, 0.0)
            tops[key] = base[k] + (0.0 if np.isnan(length) else float(length))
    return base


def _draw(
    trace: Properties,
    place: Place,
    color: str,
    bars: tuple[Array, Array, Array, Array],
    *,
    is_lying: bool,
) -> None:
    at, lengths, width, base = bars
    marker, z = trace.part("marker"), place.height_order
    marker.skip("coloraxis", "cornerradius")
    hatch = _hatch(marker.part("pattern"))
    told = marker.get("color", color)
    opacity = float(np.min(marker.get("opacity", 1.0))) * float(trace.get("opacity", 1))
    if is_numeric(told):
        values = np.array(told, dtype=float)
        scale = ColorScale(marker, values)
        place.legend.add_bar(marker, scale, default=False)
        colors = [tuple(one) for one in scale.colors(values, opacity)]
    else:
        each = list(told) if is_array(told) else [told] * len(at)
        colors = [rgba(one, opacity) for one in each]
        marker.skip("colorscale", "showscale", "colorbar", "cmin", "cmax")
    line = marker.part("line")
    edge, thick = line.get("color"), line.get("width", 0.0)
    edges: dict[str, Any] = {
        **hatch,
        "edgecolor": "none" if edge is None or is_array(edge) else rgba(edge),
        "linewidth": place.points(float(np.max(thick))) if np.size(thick) else 0.0,
    }
    if is_lying:
        place.ax.barh(at, lengths, width, base, color=colors, zorder=z, **edges)
    else:
        place.ax.bar(at, lengths, width, base, color=colors, zorder=z, **edges)
    ends = base + lengths
    points = (ends, at) if is_lying else (at, ends)
    for way in ("x", "y"):
        part = trace.part(f"error_{way}")
        draw_error_bars(part, way, place, points, rgba("#444444"), z + 0.005)
    _texts(trace, place, (at, lengths, base), is_lying=is_lying)
    handle = Patch(
        facecolor=colors[0] if colors else rgba(color), edgecolor="none", **hatch
    )
    place.legend.add(trace, handle, text.label(trace.get("name", ""), 40))


def _hatch(pattern: Properties) -> dict[str, Any]:
    """Return how bars are hatched, which tells them apart as colours do."""
    pattern.skip("bgcolor", "fgopacity", "size", "solidity", "fillmode")
    shape, color = pattern.one_of("shape", tuple(_HATCHES), ""), pattern.get("fgcolor")
    if not shape:
        return {}
    return {"hatch": _HATCHES[shape], "hatchcolor": rgba(color or "white")}


def _texts(
    trace: Properties,
    place: Place,
    bars: tuple[Array, Array, Array],
    *,
    is_lying: bool,
) -> None:
    """Write a text at each bar: beyond its end, or within."""
    told, template = trace.get("text"), trace.get("texttemplate")
    known = ("none", "auto", "inside", "outside")
    position = trace.one_of("textposition", known, "auto")
    if position == "none" or (told is None and template is None):
        return
    at, lengths, base = bars
    is_outside = position == "outside"
    for k, (where, length, begin) in enumerate(zip(at, lengths, base, strict=True)):
        one = str(told[k] if is_array(told) else told or "")
        x, y = (length, where) if is_lying else (where, length)
        if template:
            one = filled(template, {"x": x, "y": y, "value": length, "text": one})
        if not one or np.isnan(length):
            continue
        end = begin + (length if is_outside else length / 2)
        shift = (3.0 if length >= 0 else -3.0) if is_outside else 0.0
        near = ("left" if length >= 0 else "right") if is_outside else "center"
        low = ("bottom" if length >= 0 else "top") if is_outside else "center"
        place.ax.annotate(
            text.label(one),
            (end, where) if is_lying else (where, end),
            xytext=(shift, 0.0) if is_lying else (0.0, shift),
            textcoords="offset points",
            ha=near if is_lying else "center",
            va="center" if is_lying else low,
            fontsize=place.size.small,
            color="#333333" if is_outside else "white",
            annotation_clip=False,
        )
    if is_outside:  # room for the texts
        if is_lying:
            place.ax.margins(x=0.14)
        else:
            place.ax.margins(y=0.12)
