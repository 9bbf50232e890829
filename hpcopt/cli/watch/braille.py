"""Plots points and steps in braille characters: 2 by 4 dots in each cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

#: The bit of each dot of a cell, by its row and column.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class BrailleCanvas:
    """A grid of cells of 2 by 4 dots; rows count from the top."""

    def __init__(self, width: int, height: int) -> None:
        """Make an empty canvas.

        Args:
            width: In cells.
            height: In cells.
        """
        self.n_columns = 2 * width
        """In dots."""
        self.n_rows = 4 * height
        """In dots."""
        self._cells = [[0] * width for _ in range(height)]

    def dot(self, column: int, row: int) -> None:
        """Set one dot."""
        self._cells[row // 4][column // 2] |= _BITS[row % 4][column % 2]

    def steps(self, dots: Sequence[tuple[int, int]]) -> None:
        """Join dots, given by column, by horizontal and vertical lines."""
        for (column, row), (to_column, to_row) in itertools.pairwise(dots):
            for k in range(column, to_column + 1):
                self.dot(k, row)
            for k in range(min(row, to_row), max(row, to_row) + 1):
                self.dot(to_column, k)
        for column, row in dots[-1:]:
            self.dot(column, row)

    def lines(self) -> list[str]:
        """Return the lines, the top one first; a cell without dots is a space."""
        return [
            "".join(chr(0x2800 + cell) if cell else " " for cell in row)
            for row in self._cells
        ]


class Scale:
    """Maps numbers linearly onto dots."""

    def __init__(self, least: float, most: float, n_dots: int) -> None:
        """Map ``least`` to dot 0 and ``most`` to dot ``n_dots - 1``."""
        if not most > least:
            pad = abs(least) * 1e-3 or 1.0
            least, most = least - pad, most + pad
        self.least, self.most = least, most
        self._n_dots = n_dots

    def dot(self, value: float) -> int:
        """Return the dot of a value, the nearest one if it lies outside."""
        part = value / 2 - self.least / 2  # their difference may overflow
        share = part / (self.most / 2 - self.least / 2)
        return round(min(1.0, max(0.0, share)) * (self._n_dots - 1))


def robust_range(
    values: Iterable[float], always: Iterable[float]
) -> tuple[float, float]:
    """Return a range that shows most values, and those of ``always``.

    A few values far off are left out: nine tenths of them span the range.
    """
    finite = sorted(value for value in values if math.isfinite(value))
    kept = [value for value in always if math.isfinite(value)]
    if finite:
        n_off = len(finite) // 20
        kept += [finite[n_off], finite[-1 - n_off]]
    return (min(kept), max(kept)) if kept else (0.0, 1.0)
