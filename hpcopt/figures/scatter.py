"""Points, lines, error bars and filled areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hpcopt.figures import text
from hpcopt.figures.color import RGBA, is_array, rgba
from hpcopt.figures.error_bars import draw_error_bars
from hpcopt.figures.markers import draw_markers, skip_markers
from hpcopt.figures.place import INTERACTIVE, Place
from hpcopt.figures.properties import Properties, UntranslatableError
from hpcopt.figures.tick_format import filled

Array = npt.NDArray[np.float64]

DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (4.5, 2.5)),
    "dot": (0, (1.2, 1.8)),
    "dashdot": (0, (5, 2, 1.2, 2)),
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1.2, 3)),
}

#: A line in a legend is no thicker, in pt.
_THICKEST = 3.0

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
    group = trace.get("stackgroup")
    if group is not None:
        y = _stacked(trace, place, str(group), x, y)
    default = "lines+markers" if len(x) < 20 and group is None else "lines"
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
                solid_capstyle="butt",
                zorder=z,
            )
            width = min(place.points(line.width), _THICKEST)
            handles |= {"linestyle": line.dash, "lw": width}
    else:
        handles |= {"linestyle": "none"}
    _errors(trace, place, (x, y), line.color, z)
    if "markers" in modes:
        handles |= draw_markers(
            trace.part("marker"), place, (x, y), line.own_color, opacity, z
        )
    else:
        skip_markers(trace.part("marker"))
    if "text" in modes:
        _texts(trace, place, x, y, z)
    else:
        trace.skip("text", "textposition", "texttemplate")
    place.last_line = (x, y)
    handle: Artist = Line2D([], [], **handles)
    if area is not None and (line.width == 0 or group is not None):
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


def _stacked(trace: Properties, place: Place, group: str, x: Array, y: Array) -> Array:
    """Return where a trace lies on those of its group that were drawn before.

    Raises:
        UntranslatableError: They are not at the same places.
    """
    trace.one_of("groupnorm", ("",), "")
    trace.one_of("stackgaps", ("infer zero",), "infer zero")
    place.n_stacked[group] = place.n_stacked.get(group, 0) + 1
    if place.n_stacked[group] == 1:
        return y
    below = place.last_line
    if below is None or not np.array_equal(below[0], x):
        raise UntranslatableError(f"{trace.where}: it is stacked on other places")
    return y + below[1]


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
    group, default = trace.get("stackgroup"), "none"
    if group is not None:
        default = "tonexty" if place.n_stacked[str(group)] > 1 else "tozeroy"
    kind = trace.one_of("fill", kinds, default)
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
