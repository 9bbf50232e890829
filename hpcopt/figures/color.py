"""Colours and colour scales, from plotly's words to matplotlib's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgba

from hpcopt.figures.properties import Properties, UntranslatableError

RGBA = tuple[float, float, float, float]

#: What plotly takes where a figure says no colours.
COLORWAY = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: As cards have it, where a figure says no colour scale.
_SCALE = [[0.0, "#2C7FB8"], [0.35, "#7A6BB5"], [0.7, "#D0587E"], [1.0, "#E8963A"]]

_FUNCTION = re.compile(r"rgba?\(([^)]*)\)$")


def rgba(color: object, opacity: float = 1.0) -> RGBA:
    """Return a colour: ``#0072B2``, ``rgb(0, 114, 178)``, ``rgba(…)``, or a name.

    Raises:
        UntranslatableError: It is none.
    """
    text = str(color).strip().lower()
    try:
        if match := _FUNCTION.match(text):
            parts = [float(part) for part in match[1].split(",")]
            red, green, blue = (part / 255 for part in parts[:3])
            alpha = parts[3] if len(parts) > 3 else 1.0
            return red, green, blue, alpha * opacity
        red, green, blue, alpha = to_rgba("none" if text == "transparent" else text)
    except ValueError:
        raise UntranslatableError(f"{color!r} is not a colour that is known") from None
    return red, green, blue, alpha * opacity


def is_array(value: object) -> bool:
    """Whether a property has a value for each point."""
    return isinstance(value, np.ndarray | list | tuple)


def is_numeric(value: object) -> bool:
    """Whether a property is an array of numbers, which a colour scale colours."""
    if not is_array(value):
        return False
    return all(
        one is None or isinstance(one, int | float | np.number)
        for one in value  # type: ignore[attr-defined]
    )


def colormap(scale: Sequence[Any] | None, *, is_reversed: bool = False) -> Colormap:
    """Return a colour scale, a list of pairs of a place in [0, 1] and a colour."""
    told: Sequence[Any] = scale or _SCALE
    pairs = [(float(at), rgba(color)) for at, color in told]
    if is_reversed:
        pairs = [(1.0 - at, color) for at, color in reversed(pairs)]
    return LinearSegmentedColormap.from_list("card", pairs)


class ColorScale:
    """How numbers are coloured, and the bar that says so, if there is one."""

    def __init__(self, part: Properties, values: npt.NDArray[np.float64]) -> None:
        """Read the scale of a marker, a line, a heat map or the like.

        Args:
            part: Where it is said; a shared ``coloraxis`` must be merged into it.
            values: What is coloured, any shape.
        """
        finite = values[np.isfinite(values)]
        ends = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        is_told = any(end in part for end in ("cmin", "cmax", "zmin", "zmax"))
        low = part.get("cmin", part.get("zmin", ends[0]))
        high = part.get("cmax", part.get("zmax", ends[1]))
        middle = part.get("cmid", part.get("zmid"))
        part.skip("cauto", "zauto", "autocolorscale")
        if middle is not None and not is_told:
            reach = max(abs(high - middle), abs(low - middle))
            low, high = middle - reach, middle + reach
        self.norm = Normalize(float(low), float(high))
        self.map = colormap(
            part.get("colorscale"), is_reversed=bool(part.get("reversescale", False))
        )
        self.is_whole = bool(finite.size) and bool((finite == np.round(finite)).all())

    def colors(
        self, values: npt.NDArray[np.float64], opacity: float = 1.0
    ) -> npt.NDArray[np.float64]:
        """Return the colours of numbers, shape ``(n, 4)``; of NaN, none."""
        found = np.array(self.map(self.norm(values)), dtype=float).reshape(-1, 4)
        found[:, 3] *= opacity
        found[~np.isfinite(values)] = 0.0
        return found
