"""A subplot, and what those who draw in it need and leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from hpcopt.figures.axis import PlotAxis
from hpcopt.figures.color import ColorScale
from hpcopt.figures.properties import Properties, words
from hpcopt.figures.size import FigureSize
from hpcopt.figures.tick_format import formatted

Array = npt.NDArray[np.float64]


@dataclass
class Legend:
    """What is beside the data of all subplots: names of traces, and colour bars."""

    entries: list[tuple[Artist, str]] = field(default_factory=list)
    """What stands for each trace, and its name."""
    is_asked_for: bool = False
    """Whether a single entry is shown, too."""
    bars: list[tuple[ScalarMappable, str, str, bool]] = field(default_factory=list)
    """Each scale with its title, the format of its numbers, and if they are whole."""

    def add(self, trace: Properties, handle: Artist, name: str) -> None:
        """Add a trace's entry, unless it shall have none."""
        told = trace.get("showlegend")
        trace.skip("legendrank", "legendgrouptitle", "legendwidth", "legend")
        group = trace.get("legendgroup")
        if told is False or not name:
            return
        if group and any(name == other for _, other in self.entries):
            return
        self.is_asked_for |= told is True
        self.entries.append((handle, name))

    def add_bar(self, part: Properties, scale: ColorScale, *, default: bool) -> None:
        """Add a colour bar, if the part with the scale asks for one."""
        is_shown = part.get("showscale", default or "colorbar" in part)
        bar = part.part("colorbar")
        title = bar.part("title")
        title.skip("side", "font")
        name, form = str(title.get("text", "")), bar.get("tickformat", "") or ""
        bar.skip(*_BAR_LOOK)
        if is_shown:
            shown = ScalarMappable(scale.norm, scale.map)
            self.bars.append((shown, name, form, scale.is_whole))


#: What of a colour bar is a matter of the look.
_BAR_LOOK = words(
    "bgcolor bordercolor borderwidth dtick exponentformat len lenmode nticks "
    "orientation outlinecolor outlinewidth thickness thicknessmode tick0 tickcolor "
    "tickfont ticklen ticks tickwidth x xanchor xpad xref y yanchor ypad yref"
)


@dataclass
class Place:
    """One subplot."""

    ax: Axes
    x: PlotAxis
    y: PlotAxis
    size: FigureSize
    legend: Legend
    layout: Properties
    last_line: tuple[Array, Array] | None = None
    """The points of the trace before, to which the next may be filled."""
    n_stacked: dict[str, int] = field(default_factory=dict)
    """How many traces of each group are stacked so far."""
    n_drawn: int = 0

    @property
    def height_order(self) -> float:
        """How high the next trace lies over those before."""
        self.n_drawn += 1
        return 2.0 + 0.01 * self.n_drawn

    def points(self, pixels: float) -> float:
        """Return a length of plotly's in pt."""
        return pixels * self.size.per_pixel


def number(value: float, form: str) -> str:
    """Return a number of a colour bar."""
    return formatted(value, form or ".6")


#: What of a trace is for the pointer, or for programs.
INTERACTIVE = words(
    "customdata hoverinfo hoverlabel hovertemplate hovertext hoveron ids meta metasrc "
    "selected selectedpoints uid uirevision unselected xhoverformat yhoverformat "
    "zhoverformat hoverongaps stream cliponaxis"
)
