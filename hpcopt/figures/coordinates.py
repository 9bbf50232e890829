"""Categories and dates as the numbers, or the names, that axes have of them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib import dates

from hpcopt.figures.properties import UntranslatableError

_DAY = 86_400.0


def category(value: object) -> str:
    """Return the name of a category: whole numbers have no point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def is_date(value: str) -> bool:
    """Whether a text is a date, as ISO 8601 writes it."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "-" in value


def days(value: object) -> float:
    """Return a date as matplotlib counts it; numbers are ms since 1970.

    Raises:
        UntranslatableError: It is none.
    """
    if value is None:
        return float("nan")
    if isinstance(value, int | float):
        return float(value) / 1000.0 / _DAY
    try:
        day = datetime.fromisoformat(str(value))
        return float(dates.date2num(day))  # type: ignore[no-untyped-call]
    except ValueError:
        raise UntranslatableError(f"{value!r} is not a date that is known") from None
