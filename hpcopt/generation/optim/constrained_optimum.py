"""Where the models expect the best point that satisfies the constraints. Pure numpy.

Where constraints are known well the acquisition is a narrow ridge along them, often
one in the corner of several, and a search that knows only its gradient hardly moves
on it. SLSQP knows the constraints: it follows them to the corner, from where the
acquisition is climbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.generation.models.composite_process import CompositeProcess
from hpcopt.generation.models.gaussian_process import GaussianProcess
from hpcopt.generation.optim.local_search import climbed, for_slsqp
from hpcopt.generation.proposers.schedule import Region

Array = npt.NDArray[np.float64]


def expected_corners(
    objective: GaussianProcess | CompositeProcess,
    constraints: Sequence[GaussianProcess],
    linear: LinearConstraints,
    starts: Array,
    region: Region,
    fixed: npt.NDArray[np.bool_],
) -> Array:
    """Return where the way up the objective's mean ends, from each of the starts.

    Args:
        objective: The model of what is maximised.
        constraints: Models of what must not be below 0: their means are not.
        linear: The constraints on parameters.
        starts: Shape ``(s, d)``.
        region: What is not left.
        fixed: Which coordinates keep their value, shape ``(d,)``.

    Returns:
        Points of the unit cube, shape ``(s, d)``; where there is no such point, one
        that may violate some constraint.
    """

    def loss(x: Array) -> tuple[float, Array]:
        mean, gradient = objective.mean_and_gradient(x)
        return -mean, -gradient

    sides = for_slsqp(linear) + [_not_below_zero(process) for process in constraints]
    points = climbed(loss, starts, region, fixed, sides)
    return np.where(np.isfinite(points), points, starts)


def _not_below_zero(process: GaussianProcess) -> dict[str, Any]:
    return {
        "type": "ineq",
        "fun": lambda x: process.mean_and_gradient(x)[0],
        "jac": lambda x: process.mean_and_gradient(x)[1],
    }
