"""The way up from several starts, within a region and along constraints. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.generation.proposers.schedule import Region

Array = npt.NDArray[np.float64]

_MAX_ITERATIONS = 50


def climbed(
    loss: Callable[[Array], tuple[float, Array]],
    starts: Array,
    region: Region,
    fixed: npt.NDArray[np.bool_],
    sides: list[dict[str, Any]],
) -> Array:
    """Return where ``loss`` is lowest on the way from each of the starts.

    Args:
        loss: Returns the value at a point of shape ``(d,)``, and the gradient.
        starts: Shape ``(s, d)``.
        region: What is not left.
        fixed: Which coordinates keep their value, shape ``(d,)``.
        sides: Constraints, as SciPy's SLSQP takes them.

    Returns:
        Points of the unit cube, shape ``(s, d)``; not a number where the way got lost.
    """
    ends = [
        minimize(
            loss,
            start,
            jac=True,
            method="SLSQP" if sides else "L-BFGS-B",
            constraints=sides,
            bounds=np.column_stack(
                [
                    np.where(fixed, start, region.lower),
                    np.where(fixed, start, region.upper),
                ]
            ),
            options={"maxiter": _MAX_ITERATIONS},
        ).x
        for start in starts
    ]
    points: Array = np.clip(np.reshape(ends, starts.shape), 0.0, 1.0)
    return points


def for_slsqp(linear: LinearConstraints) -> list[dict[str, Any]]:
    """Return the constraints as SciPy's SLSQP takes them."""
    sides = [("ineq", linear.A, linear.b), ("eq", linear.A_equal, linear.b_equal)]
    return [
        {"type": kind, "fun": lambda x, A=A, b=b: b - A @ x, "jac": lambda _, A=A: -A}
        for kind, A, b in sides
        if len(b)
    ]
