"""Gradients checked by differences of which it is known how wrong they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Over such steps even a steep function is straight to all digits.
_TINY = 1e-9


def assert_gradients(
    gradients: Array,
    f: Callable[[Array], Array],
    X: Array,
    *,
    step: float,
    sharp: float,
) -> None:
    """Assert that ``gradients`` are those of ``f``, to the error of the differences.

    A difference over a step ``h`` is wrong by what the function bends, which falls with
    ``h**2``, and by what its values are rounded, which grows with ``1 / h``: a step
    of 1e-7 beside values that ten processors round in the tenth digit, each in its own
    way, proves nothing. Both errors are measured here, and are the tolerance:

    * Central differences ``D`` over ``step`` and half of it differ by three times what
      the second is wrong by, to the leading order. Their extrapolation, which the
      gradient is compared with, is wrong by less.
    * Values that are rounded by up to ``e`` make ``(4 * D(h / 2) - D(h)) / 3`` wrong by
      up to ``3 * e / h``. The largest of some second differences over steps so small
      that the function is straight stands for ``e``; it may miss the worst by a little,
      which the 10 below is for.

    Args:
        gradients: Shape ``(b, d)``.
        f: Values of points, of shape ``(b,)`` for points of shape ``(b, d)``.
        X: Points, shape ``(b, d)``.
        step: The longer step; short beside the scale on which ``f`` bends.
        sharp: How large the tolerance may be, beside the largest slope of a point.
            Above it, the differences would prove nothing.
    """
    coarse, fine = _central(f, X, step), _central(f, X, step / 2)
    expected = fine + (fine - coarse) / 3
    tolerance = np.abs(fine - coarse) / 3 + 10 * _rounding(f, X)[:, None] / step
    size = np.abs(expected).max(axis=1, keepdims=True)
    assert (tolerance / size).max() <= sharp
    wrong = np.abs(gradients - expected) / tolerance
    assert wrong.max() <= 1, (gradients, expected, tolerance)


def _central(f: Callable[[Array], Array], X: Array, step: float) -> Array:
    """Return the central differences of ``f``, shape ``(b, d)``."""
    columns = []
    for k, direction in enumerate(step * np.eye(X.shape[1])):
        ahead, behind = X + direction, X - direction
        columns.append((f(ahead) - f(behind)) / (ahead - behind)[:, k])
    return np.column_stack(columns)


def _rounding(f: Callable[[Array], Array], X: Array) -> Array:
    """Return by how much the values of ``f`` at ``X`` are rounded, shape ``(b,)``."""
    steps = _TINY * np.arange(1, 9)[:, None, None] * np.eye(X.shape[1])
    middle = f(X)
    bends = [f(X + step) - 2 * middle + f(X - step) for each in steps for step in each]
    largest: Array = np.abs(bends).max(axis=0)
    return largest + np.finfo(np.float64).eps * np.abs(middle)
