"""How large a figure is, its texts and its lines, and what matplotlib is set to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl

from hpcopt.core.errors import UsageError
from hpcopt.core.names import expected_name
from hpcopt.figures.text import FONT

MM_PER_INCH = 25.4

#: A figure is no higher, in mm: a page of A4 with its margins.
HIGHEST = 240.0

_NARROWEST, _WIDEST = 40.0, 1000.0


@dataclass(frozen=True)
class FigureSize:
    """A width, and what goes with it."""

    width: float
    """In mm."""
    font: float = 8.0
    """Of titles of axes, in pt; other texts are 1 pt smaller."""
    per_pixel: float = 0.5
    """What is a pixel in plotly's figure has so many points here."""
    has_title: bool = False
    """Whether the card's title is above the figure. Papers have captions."""

    @property
    def small(self) -> float:
        """The size of the smallest text, in pt."""
        return self.font - 1 if self.font < 12 else self.font - 2


#: One and two columns of a journal, and a slide.
SIZES = {
    "single": FigureSize(89.0),
    "double": FigureSize(183.0, per_pixel=0.55),
    "talk": FigureSize(254.0, font=18.0, per_pixel=1.1, has_title=True),
}


def chosen_size(size: str | float) -> FigureSize:
    """Return a size by its name, or by its width in mm.

    Raises:
        UsageError: There is none of that name, or nobody prints that width.
    """
    if isinstance(size, str):
        if size not in SIZES:
            raise UsageError(f"--size: {expected_name(size, SIZES)}")
        return SIZES[size]
    width = size
    if not _NARROWEST <= width <= _WIDEST:
        raise UsageError(
            f"--width-mm: expected a width from {_NARROWEST:g} to {_WIDEST:g} mm, "
            f"found {width:g}"
        )
    return FigureSize(width)


@contextmanager
def settings(size: FigureSize) -> Iterator[None]:
    """Let matplotlib be as figures of this size need it, whatever a user has set."""
    thin = 0.6 if size.font < 12 else 1.2
    ours: Any = {
        "axes.axisbelow": True,
        "axes.edgecolor": "#555555",
        "axes.formatter.limits": (-4, 5),
        "axes.formatter.useoffset": False,
        "axes.grid": False,
        "axes.labelsize": size.font,
        "axes.linewidth": thin,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.h_pad": 0.035 * size.font / 8,
        "figure.constrained_layout.w_pad": 0.035 * size.font / 8,
        "font.family": [FONT],
        "font.size": size.small,
        "grid.color": "#dddddd",
        "grid.linewidth": thin * 0.8,
        "image.composite_image": False,
        "legend.frameon": False,
        "legend.fontsize": size.small,
        "pdf.fonttype": 42,
        "savefig.dpi": 300,
        "svg.fonttype": "none",
        "svg.hashsalt": "hpcopt",
        "text.parse_math": False,
        "text.usetex": False,
        "xtick.labelsize": size.small,
        "ytick.labelsize": size.small,
        "xtick.color": "#333333",
        "ytick.color": "#333333",
    }
    for way in ("xtick", "ytick"):
        ours |= {
            f"{way}.major.width": thin,
            f"{way}.minor.width": thin * 0.7,
            f"{way}.major.size": 0.35 * size.font,
            f"{way}.minor.size": 0.2 * size.font,
        }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield
