"""The look of all figures: colours, layout, and the escaping of what users name.

The colours are told apart by colour-blind eyes and seen on light and on dark; the
background is transparent, and a page gives the text its own colour.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from hpcopt.analysis.text import visible

#: Of Okabe and Ito, "Color Universal Design", 2008, without the too light ones.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
GREY = "#8A8A8A"

COLORS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)

#: From early to late, or from small to large, where neither end is good.
SEQUENTIAL = [[0.0, "#2C7FB8"], [0.35, "#7A6BB5"], [0.7, "#D0587E"], [1.0, "#E8963A"]]

_GRID = "rgba(128, 128, 128, 0.25)"
_AXIS = {
    "gridcolor": _GRID,
    "linecolor": "rgba(128, 128, 128, 0.6)",
    "zerolinecolor": _GRID,
    "automargin": True,
    "title": {"standoff": 8},
}

_TEMPLATE = go.layout.Template(
    layout={
        "colorway": list(COLORS),
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#444444"},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0},
        "hoverlabel": {"align": "left", "namelength": -1},
        "modebar": {"bgcolor": "rgba(0, 0, 0, 0)", "color": GREY},
    }
)

#: 95 % of a Gaussian lie within so many standard deviations.
Z_95 = 1.959963984540054

#: A range is not stretched to values that lie so many times farther than most.
_FARTHEST = 3.0

Array = npt.NDArray[np.float64]


def figure(
    traces: Sequence[Any] = (),
    *,
    x: str | None = None,
    y: str | None = None,
    **layout: Any,
) -> go.Figure:
    """Return a figure in the look of all.

    Args:
        traces: What it shows.
        x: The title of the x axis, as it was named by a user.
        y: The title of the y axis, as it was named by a user.
        layout: What else to set of its layout.
    """
    found = go.Figure(traces, {"template": _TEMPLATE})
    if x is not None:
        found.update_xaxes(title_text=plain(x))
    if y is not None:
        found.update_yaxes(title_text=plain(y))
    return found.update_layout(**layout)


def plain(text: object) -> str:
    """Return a text that plotly shows as it is: not as a tag, nor as a variable."""
    return html.escape(visible(text), quote=False).replace("%{", "%&#123;")


def error_bars(sems: Array) -> dict[str, Any]:
    """Return bars of 95 % for standard errors, of which NaN has none."""
    return {
        "type": "data",
        "array": np.nan_to_num(Z_95 * sems, nan=0.0),
        "thickness": 1,
        "width": 0,
        "color": GREY,
    }


def robust_range(values: Array, best: float) -> tuple[float, float] | None:
    """Return a range that leaves out values far worse than most.

    Args:
        values: What is shown, all finite.
        best: The end of the range that matters.

    Returns:
        Its lower and upper end; ``None`` where all values fit in well.
    """
    distances = np.abs(values - best)
    usual = float(np.quantile(distances, 0.8)) if len(distances) else 0.0
    if usual == 0.0 or distances.max() <= _FARTHEST * usual:
        return None
    sign = 1.0 if np.median(values) >= best else -1.0
    ends = best - 0.1 * sign * usual, best + 1.5 * sign * usual
    return min(ends), max(ends)
