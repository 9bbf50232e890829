"""The Matérn-5/2 kernel and its slope, of squared distances. Loads no torch."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]

_SQRT5 = math.sqrt(5.0)


def correlation(squared: Array) -> tuple[Array, Array]:
    """Return the correlations over squared distances, and their slopes.

    The slope is the derivative with respect to minus half the squared distance.

    Args:
        squared: Squared distances in lengthscales, of any shape.
    """
    r = _SQRT5 * np.sqrt(squared)
    decay = np.exp(-r)
    return (1 + r + r**2 / 3) * decay, (5 / 3) * (1 + r) * decay


def squared_distances(A: Array, B: Array) -> Array:
    """Return the squared distances of points ``(a, d)`` and ``(b, d)``: ``(a, b)``."""
    squared: Array = cdist(A, B, "sqeuclidean")
    return squared
