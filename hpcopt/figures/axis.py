"""An axis of a plotly figure: where its values are, and how they are labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib import dates, ticker
from matplotlib.axes import Axes

from hpcopt.figures import text
from hpcopt.figures.coordinates import category, days, is_date
from hpcopt.figures.properties import Properties, words
from hpcopt.figures.size import FigureSize
from hpcopt.figures.tick_format import formatted, power_of_ten

Array = npt.NDArray[np.float64]

#: What of an axis is a matter of the look, which is that of all figures here.
_LOOK = words(
    "anchor automargin color constrain constraintoward domain dividercolor "
    "exponentformat fixedrange gridcolor gridwidth griddash hoverformat layer "
    "linecolor linewidth mirror minexponent minor nticks overlaying position "
    "rangeslider rangeselector scaleratio separatethousands showexponent showline "
    "showspikes side spikecolor spikedash spikemode spikethickness tickcolor tickfont "
    "ticklabeloverflow ticklabelstandoff ticklen ticks tickwidth uirevision "
    "zeroline zerolinecolor zerolinewidth"
)

#: A label of a category has so many characters a line.
_LABEL = 24

#: Of more categories every k-th has a label, if it is short; fewer are turned.
_MANY = 30


class PlotAxis:
    """One axis, told its categories by all that is drawn along it."""

    def __init__(self, which: Literal["x", "y"], part: Properties) -> None:
        """Read an axis.

        Args:
            which: Along which it goes.
            part: What the layout says of it.
        """
        self.which = which
        self.part = part
        self.type = part.one_of("type", ("-", "linear", "log", "category", "date"), "-")
        self.categories: list[str] = []
        self.is_whole = True
        """Whether all that is drawn along it are whole numbers."""
        self.is_filled = False
        """Whether a surface reaches from the first to the last category."""
        self._order = part.one_of(
            "categoryorder",
            ("trace", "array", "category ascending", "category descending"),
            "array" if "categoryarray" in part else "trace",
        )
        if self.type == "category" and self._order == "array":
            self._add(part.get("categoryarray", ()))

    def learn(self, values: object) -> None:
        """Take notice of values that will be drawn, and of what kind they are."""
        if not isinstance(values, np.ndarray | list | tuple):
            return
        texts = [one for one in values if isinstance(one, str)]
        if self.type == "-" and texts:
            self.type = "date" if all(map(is_date, texts)) else "category"
            if self.type == "category" and self._order == "array":
                self._add(self.part.get("categoryarray", ()))
        if self.type == "category":
            self._add(one for one in values if one is not None)
        elif self.type in ("-", "linear"):
            numbers = np.array(values, dtype=np.float64)
            known = numbers[np.isfinite(numbers)]
            self.is_whole &= bool((known == np.round(known)).all())

    def settle(self) -> None:
        """Bring the categories into their order, once all are known."""
        if self._order.startswith("category "):
            self.categories.sort(reverse=self._order.endswith("descending"))
        self._places = {name: k for k, name in enumerate(self.categories)}

    def _add(self, values: Iterable[object]) -> None:
        known = set(self.categories)
        for value in map(category, values):
            if value not in known:
                known.add(value)
                self.categories.append(value)

    def values(self, values: Sequence[Any] | Array) -> Array:
        """Return where values are: numbers, places of categories, or days."""
        if self.type == "category":
            places = [
                np.nan if one is None else float(self._places[category(one)])
                for one in values
            ]
            return np.array(places, dtype=np.float64)
        if self.type == "date":
            return np.array([days(one) for one in values], dtype=np.float64)
        return np.array(values, dtype=np.float64)

    def value(self, value: object) -> float:
        """Return where a value of a shape or an annotation is."""
        if self.type == "category" and isinstance(value, int | float):
            return float(value)
        return float(self.values([value])[0])

    def annotated(self, value: float) -> float:
        """Return where an annotation's value is, which is a power on a log axis."""
        return 10.0**value if self.type == "log" else value

    @property
    def span(self) -> tuple[float, float] | None:
        """The range that is told, from its first to its last end, if one is."""
        found = self.part.get("range")
        if found is None or any(end is None for end in found):
            return None
        if self.type == "date":
            low, high = (days(end) for end in found)
        else:
            low, high = (float(end) for end in found)
        return (10.0**low, 10.0**high) if self.type == "log" else (low, high)

    @property
    def title(self) -> str:
        """Its title."""
        title = self.part.part("title")
        title.skip("standoff", "font")
        return text.unmarked(title.get("text", ""))

    def apply(self, ax: Axes, size: FigureSize, length: float) -> None:
        """Let an axis of matplotlib's be this one, once all is drawn.

        Args:
            ax: Whose axis.
            size: The figure's size.
            length: About how long it is, in mm.
        """
        part = self.part
        part.skip(*_LOOK)
        part.skip("dtick", "tick0", "matches", "scaleanchor", "bargap")
        axis = ax.xaxis if self.which == "x" else ax.yaxis
        self._limit(ax)
        characters = int(length * 72 / 25.4 / (0.58 * size.font))
        title = text.drawable(self.title)
        axis.set_label_text(text.wrapped(title, characters) if title else "")
        axis.grid(visible=bool(part.get("showgrid", self.type != "category")))
        self._tick(ax, size, length)
        if not part.get("visible", True):
            axis.set_visible(False)
        if not part.get("showticklabels", True):
            axis.set_tick_params(labelleft=False, labelbottom=False, length=0)

    def _limit(self, ax: Axes) -> None:
        part = self.part
        set_limits = ax.set_xlim if self.which == "x" else ax.set_ylim
        autorange = part.one_of("autorange", (True, False, "reversed"), None)
        if self.span is not None and autorange in (None, False):
            set_limits(*self.span)
        elif self.type == "category" and self.categories:
            n = len(self.categories)
            margin = max(0.5, 0.02 * n) if self.which == "x" else 0.5
            margin = 0.0 if self.is_filled and n > 1 else margin
            set_limits(-margin, n - 1 + margin)
        if part.one_of("rangemode", ("normal", "tozero", "nonnegative"), "normal") in (
            "tozero",
            "nonnegative",
        ):
            low, high = ax.get_xlim() if self.which == "x" else ax.get_ylim()
            if low >= 0 or (high >= 0 and low > -0.2 * high):
                set_limits(0.0, high)
        if autorange == "reversed":
            (ax.invert_xaxis if self.which == "x" else ax.invert_yaxis)()

    def _tick(self, ax: Axes, size: FigureSize, length: float) -> None:
        part = self.part
        axis = ax.xaxis if self.which == "x" else ax.yaxis
        form = part.get("tickformat", "") or ""
        before, after = part.get("tickprefix", ""), part.get("ticksuffix", "")
        part.skip("showtickprefix", "showticksuffix", "tickangle")
        mode = part.one_of("tickmode", ("auto", "linear", "array"), None)
        told = part.get("tickvals")
        texts = part.get("ticktext")
        if told is not None and mode in (None, "array"):
            values = self.values(told)
            names = list(told if texts is None else texts)
            self._label(ax, values, [text.label(one) for one in names], size, length)
        elif self.type == "category":
            names = [text.label(name) for name in self.categories]
            self._label(ax, np.arange(float(len(names))), names, size, length)
        elif self.type == "date":
            most = max(6, int(length / 18))
            locator = dates.AutoDateLocator(maxticks=most)  # type: ignore[no-untyped-call]
            axis.set_major_locator(locator)
            form_of = dates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
            axis.set_major_formatter(form_of)
        elif self.type == "log":
            self._tick_powers(ax, size, length)
        else:
            room = length / (size.small * (1.5 if self.which == "x" else 1.1))
            n = int(np.clip(room, 3, 8))
            axis.set_major_locator(self._locator(n))
            if form or before or after:

                def write(value: float, _: int | None = None) -> str:
                    number = formatted(value, form) if form else f"{value:.6g}"
                    return text.drawable(f"{before}{number}{after}")

                axis.set_major_formatter(ticker.FuncFormatter(write))

    def _locator(self, n: int) -> ticker.Locator:
        if self.is_whole:
            return ticker.MaxNLocator(n, integer=True, min_n_ticks=1)
        return ticker.MaxNLocator(n, steps=[1, 2, 2.5, 5, 10])

    def _tick_powers(self, ax: Axes, size: FigureSize, length: float) -> None:
        axis = ax.xaxis if self.which == "x" else ax.yaxis
        low, high = ax.get_xlim() if self.which == "x" else ax.get_ylim()
        decades = abs(np.log10(high) - np.log10(low)) if low > 0 and high > 0 else 2.0
        subs = (1.0,) if decades > 2 else (1.0, 2.0, 5.0)
        # A label is about as long as four letters.
        n = int(np.clip(length / (1.25 * size.small), 2, 8))
        axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=n))
        is_near = low >= 1e-3 and high <= 1e4
        write = "{:.6g}".format if is_near else power_of_ten
        axis.set_major_formatter(ticker.FuncFormatter(lambda x, _=None: write(x)))
        if n >= 4:
            axis.set_minor_locator(ticker.LogLocator(subs="auto", numticks=12))
        else:
            axis.set_minor_locator(ticker.NullLocator())
        axis.set_minor_formatter(ticker.NullFormatter())

    def _label(
        self,
        ax: Axes,
        values: Array,
        names: Sequence[str],
        size: FigureSize,
        length: float,
    ) -> None:
        """Label ticks by names, as many of them as there is room for."""
        points = length * 72 / 25.4
        line = 1.25 * size.small
        if self.which == "y":
            every = max(1, int(np.ceil(len(names) * line / points)))
            shown = [text.wrapped(one, _LABEL) for one in names]
            rotation = 0.0
        else:
            widest = 0.6 * size.small * max(map(len, names), default=0)
            room = points / max(len(names), 1)
            is_level = widest + size.small < room
            every = 1 if is_level else max(1, int(np.ceil(line / room)))
            is_many = len(names) > _MANY or line > room
            if not is_level and is_many and widest <= 4 * size.small:
                every = int(np.ceil((widest + size.small) / room))
                is_level = True
            shown = [one if is_level else _cut(one) for one in names]
            rotation = 0.0 if is_level else 90.0
        at = values[::every]
        if self.which == "x":
            ax.set_xticks(at, shown[::every], rotation=rotation)
        else:
            ax.set_yticks(at, shown[::every])


def _cut(name: str) -> str:
    one = name.replace("\n", " ")
    return one if len(one) <= _LABEL else f"{one[: _LABEL - 1]}…"
