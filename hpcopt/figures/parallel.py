"""Parallel coordinates: a line for each point, an axis for each of its values."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.patheffects as effects
import numpy as np
import numpy.typing as npt
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from hpcopt.figures import text
from hpcopt.figures.color import COLORWAY, ColorScale, is_numeric, rgba
from hpcopt.figures.place import INTERACTIVE, Legend
from hpcopt.figures.properties import Properties
from hpcopt.figures.size import FigureSize
from hpcopt.figures.tick_format import formatted

Array = npt.NDArray[np.float64]

#: Axes that are closer than so many mm have numbers at their ends alone.
_NEAR = 13.0


def draw_parallel(
    trace: Properties, ax: Axes, size: FigureSize, legend: Legend
) -> None:
    """Draw a trace of parallel coordinates, which has the figure for itself."""
    trace.skip(*INTERACTIVE, "domain", "labelangle", "labelside", "labelfont", "name")
    trace.skip("tickfont", "rangefont", "legend", "legendgroup", "showlegend", "type")
    told = trace.get("dimensions") or []
    dimensions = [
        _Dimension(Properties(one, f"{trace.where}.dimensions[{k}]"))
        for k, one in enumerate(told)
        if one.get("visible", True)
    ]
    n = len(dimensions)
    heights = np.array([one.heights for one in dimensions])
    places = np.broadcast_to(np.arange(n), heights.T.shape)
    segments = np.stack([places, heights.T], axis=-1) if n else np.zeros((0, 0, 2))
    lines = LineCollection(
        [_finite(points) for points in segments],
        colors=_colors(trace.part("line"), len(segments), legend),
        linewidths=np.clip(120 / max(len(segments), 1), 0.35, 1.0) * size.font / 8,
        zorder=2,
    )
    ax.add_collection(lines)
    spacing = 0.8 * size.width / max(n - 1, 1)
    longest = max((len(one.label) for one in dimensions), default=0)
    is_level = longest * 0.6 * size.small < spacing * 72 / 25.4 - size.small
    for k, dimension in enumerate(dimensions):
        ax.axvline(k, color="#555555", linewidth=0.8 * size.font / 8, zorder=3)
        _label(ax, k, dimension, size, spacing, is_level=is_level)
    ax.set_xlim(-0.05 * max(n - 1, 1), max(n - 1, 1) * 1.08)
    ax.set_ylim(-0.02, 1.02)
    ax.set_axis_off()


class _Dimension:
    """One of the axes."""

    def __init__(self, part: Properties) -> None:
        self.label = text.label(part.get("label", "")).replace("\n", " ")
        part.skip("name", "templateitemname", "constraintrange", "multiselect")
        part.skip("visible", "label")
        values = part.numbers("values")
        self.values: Array = np.zeros(0) if values is None else values
        known = self.values[np.isfinite(self.values)]
        ends = part.get("range")
        if ends is None:
            ends = (known.min(), known.max()) if known.size else (0.0, 1.0)
        self.low, self.high = float(ends[0]), float(ends[1])
        if self.low == self.high:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        self.is_even = "tickvals" not in part
        """Whether it has the ticks of any axis of numbers."""
        form = part.get("tickformat", "") or ".3"
        self.ends = [
            (height, formatted(end, form))
            for height, end in enumerate((self.low, self.high))
        ]
        self.ticks = self._ticks(part)
        part.check()

    @property
    def heights(self) -> Array:
        """Where its values are, 0 at the lower end and 1 at the upper."""
        return (self.values - self.low) / (self.high - self.low)

    def _ticks(self, part: Properties) -> list[tuple[float, str]]:
        form, at = part.get("tickformat", "") or "", part.numbers("tickvals")
        names = part.get("ticktext")
        if at is None:
            low, high = sorted((self.low, self.high))
            known = self.values[np.isfinite(self.values)]
            is_whole = bool((known == np.round(known)).all())
            locator = ticker.MaxNLocator(5, integer=is_whole, min_n_ticks=1)
            inner = np.asarray(locator.tick_values(low, high))
            at = inner[(inner >= low) & (inner <= high)]
        heights = (at - self.low) / (self.high - self.low)
        if names is None:
            names = [formatted(one, form or ".6") for one in at]
        return list(zip(heights.tolist(), map(text.drawable, names), strict=True))


def _label(
    ax: Axes,
    k: int,
    dimension: _Dimension,
    size: FigureSize,
    spacing: float,
    *,
    is_level: bool,
) -> None:
    """Write the name of an axis above it, and its numbers beside it."""
    halo = [effects.withStroke(linewidth=1.8 * size.font / 8, foreground="white")]
    ax.annotate(
        dimension.label,
        (k, 1.0),
        xytext=(0 if is_level else -2, 5 + 0.8 * size.small),
        textcoords="offset points",
        ha="center" if is_level else "left",
        va="bottom",
        rotation=0 if is_level else 40,
        rotation_mode="anchor",
        fontsize=size.small,
        annotation_clip=False,
    )
    ticks: Sequence[tuple[float, str]] = sorted(dimension.ticks)
    if spacing < _NEAR and len(ticks) > 2:
        ticks = dimension.ends if dimension.is_even else [ticks[0], ticks[-1]]
    for height, name in ticks:
        _write(ax, k, height, name, size, halo, is_narrow=spacing < _NEAR)


def _write(
    ax: Axes,
    k: int,
    height: float,
    name: str,
    size: FigureSize,
    halo: Sequence[effects.AbstractPathEffect],
    *,
    is_narrow: bool,
) -> None:
    if is_narrow:  # below or above the axis, where its neighbours' are not
        is_low = height < 0.5
        at, shift = (k, height), (0.0, -3.0 if is_low else 3.0)
        how = {"ha": "center", "va": "top" if is_low else "bottom"}
        if is_low and len(name) > 4:
            how |= {"rotation": "vertical"}
    else:
        at, shift = (k, height), (2.0, 0.0)
        how = {"ha": "left", "va": "center"}
        ax.plot([k], [height], marker="_", markersize=4, color="#555555", zorder=3)
    written: Text = ax.annotate(
        name,
        at,
        xytext=shift,
        textcoords="offset points",
        fontsize=size.small,
        annotation_clip=False,
        zorder=4,
        **how,  # type: ignore[arg-type]
    )
    written.set_path_effects(list(halo))


def _colors(part: Properties, n: int, legend: Legend) -> Array:
    part.skip("shape", "coloraxis")
    told = part.get("color", COLORWAY[0])
    if not is_numeric(told):
        part.skip("colorscale", "showscale", "colorbar")
        return np.tile(np.array(rgba(told, 0.7)), (n, 1))
    values = np.array(told, dtype=np.float64)
    scale = ColorScale(part, values)
    legend.add_bar(part, scale, default=False)
    return scale.colors(values, 0.85)


def _finite(points: Array) -> Array:
    """Return the points of a line that there are."""
    return points[np.isfinite(points).all(axis=1)]
