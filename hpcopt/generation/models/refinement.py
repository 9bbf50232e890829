"""A minimum that is close by: few steps in coordinates in which the curvature is one.

Where an evaluation is dear and the curvature is known from a cheaper function that is
much the same, a quasi-Newton method needs a handful of steps from the cheap minimum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Array = npt.NDArray[np.float64]
_Loss = Callable[[Array], tuple[float, Array]]

#: The step of the gradient's differences, on coordinates of about 1.
_STEP = 1e-4

#: Less curvature than this is taken for it: steps are no longer than about one.
_LEAST_CURVATURE = 1.0

#: How many iterations there are at most; fewer than ten is usual.
_MAX_ITERATIONS = 50


def curvature(loss: _Loss, x: Array, lower: Array, upper: Array) -> Array:
    """Return the second derivatives at ``x``, by differences of the gradient.

    Args:
        loss: Returns the value at a point of shape ``(k,)``, and the gradient.
        x: Shape ``(k,)``.
        lower: What is not left, shape ``(k,)``.
        upper: The same.

    Returns:
        A symmetric matrix, shape ``(k, k)``.
    """
    steps = np.diag(np.where(x + _STEP <= upper, _STEP, -_STEP))
    gradient = loss(x)[1]
    rows = [(loss(x + step)[1] - gradient) / step.sum() for step in steps]
    second: Array = np.array(rows)
    return (second + second.T) / 2


def refined_minimum(
    loss: _Loss,
    start: Array,
    lower: Array,
    upper: Array,
    second: Array,
    tolerance: float,
) -> tuple[Array, float]:
    """Return the minimum near ``start``, and its value.

    SLSQP, which begins with the unit matrix as the second derivatives, works in
    coordinates in which they are that.

    Args:
        loss: Returns the value at a point of shape ``(k,)``, and the gradient.
        start: Shape ``(k,)``.
        lower: What is not left, shape ``(k,)``.
        upper: The same.
        second: About what the second derivatives are, shape ``(k, k)``.
        tolerance: Gains of the value below this end the search.

    Raises:
        LinAlgError: ``second`` has no eigenvalues.
    """
    eigenvalues, vectors = np.linalg.eigh(second)
    unit = vectors / np.sqrt(np.maximum(eigenvalues, _LEAST_CURVATURE))

    def point(z: Array) -> Array:
        moved: Array = np.clip(start + unit @ z, lower, upper)
        return moved

    def scaled(z: Array) -> tuple[float, Array]:
        value, gradient = loss(point(z))
        return value, gradient @ unit

    sides = [(start - lower, unit), (upper - start, -unit)]
    end = minimize(
        scaled,
        np.zeros(len(start)),
        jac=True,
        method="SLSQP",
        constraints=[
            {
                "type": "ineq",
                "fun": lambda z, b=b, A=A: b + A @ z,
                "jac": lambda _, A=A: A,
            }
            for b, A in sides
        ],
        options={"maxiter": _MAX_ITERATIONS, "ftol": tolerance},
    )
    return point(end.x), float(end.fun)
