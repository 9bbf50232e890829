"""How many digits of numbers are written: as many as tell them apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

#: A double has no more.
MOST = 17


def digits_of(values: Iterable[Any], least: int) -> int:
    """Return how many significant digits show differences within some numbers.

    Energies of -12345.678 and -12345.679 differ in their last digits alone.

    Args:
        values: Numbers, and what is none.
        least: The digits of numbers that differ by as much as they are large.
    """
    known = [
        float(one)
        for one in values
        if isinstance(one, float | int) and math.isfinite(one)
    ]
    low, high = min(known, default=0.0), max(known, default=0.0)
    size, span = max(abs(low), abs(high)), high / 2 - low / 2
    if span == 0:  # they may be told from those of another list
        return MOST if size else least
    return min(MOST, least + max(0, math.floor(math.log10(size / 2 / span))))


def rounded(value: float, digits: int) -> float | None:
    """Return a number with so many significant digits; ``None`` if JSON has it not."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
