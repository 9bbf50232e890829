"""The optimum of the posterior mean under the constraints' means. Pure numpy.

Where constraints are known well the acquisition is a narrow ridge along them, often one
where several of them meet, and a search that knows only its gradient hardly moves on
it. SLSQP knows the constraints: on the models' means it follows them to the constrained
optimum, from where the acquisition is searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.linear_constraints import LinearConstraints
from hpcopt.generation.models.composite_process import CompositeProcess
from hpcopt.generation.models.gaussian_process import GaussianProcess
from hpcopt.generation.optim.optimize import SearchBox, local_minima, slsqp_constraints

Array = npt.NDArray[np.float64]


def constrained_mean_optima(
    objective: GaussianProcess | CompositeProcess,
    constraints: Sequence[GaussianProcess],
    linear: LinearConstraints,
    starts: Array,
    box: SearchBox,
    fixed: npt.NDArray[np.bool_],
) -> Array:
    """Return where the objective's posterior mean is largest, from each of the starts.

    Args:
        objective: The model of what is maximised.
        constraints: Models of what must not be below 0: their means are not.
        linear: The constraints on parameters.
        starts: Shape ``(s, d)``.
        box: What is not left.
        fixed: Which coordinates keep their value, shape ``(d,)``.

    Returns:
        Points of the unit cube, shape ``(s, d)``; where there is no such point, one
        that may violate some constraint.
    """

    def loss(x: Array) -> tuple[float, Array]:
        mean, gradient = objective.mean_and_gradient(x)
        return -mean, -gradient

    sides = slsqp_constraints(linear)
    sides += [_mean_not_below_zero(process) for process in constraints]
    points = local_minima(loss, starts, box, fixed, sides)
    return np.where(np.isfinite(points), points, starts)


def _mean_not_below_zero(process: GaussianProcess) -> dict[str, Any]:
    return {
        "type": "ineq",
        "fun": lambda x: process.mean_and_gradient(x)[0],
        "jac": lambda x: process.mean_and_gradient(x)[1],
    }
