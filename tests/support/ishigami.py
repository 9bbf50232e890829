"""Ishigami and Homma's function, whose Sobol' indices are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FIRST = np.array([0.3139, 0.4424, 0.0])
TOTAL = np.array([0.5576, 0.4424, 0.2437])
SECOND = np.array([[0.0, 0.0, 0.2437], [0.0, 0.0, 0.0], [0.2437, 0.0, 0.0]])


def ishigami(U: Array) -> Array:
    """Return it, with the constants 7 and 0.1, at points of the unit cube, ``(b, 3)``.

    The shape of the result is ``(b,)``.
    """
    x = np.pi * (2 * U - 1)
    values: Array = (
        np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2
    )
    return values
