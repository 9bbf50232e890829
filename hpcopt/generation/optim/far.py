"""The best of what is far from all that was tried."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.design.feasible import feasible_region
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.models.gaussian_process import squared_distances

Array = npt.NDArray[np.float64]

#: How many points are drawn evenly over the space.
_N_POINTS = 256

#: What is far from all tried points is so as a share of the largest distance.
_FAR = 0.5


def optimize_far(
    acquisition: AnalyticAcquisition,
    space: SearchSpace,
    X_tried: Array,
    used: UsedPoints,
    rng: np.random.Generator,
) -> TParameterization | None:
    """Return the best unused parameterization of those that are far from all tried.

    Of points spread over the space, those count whose nearest tried point is at least
    half as far away as that of the most isolated one.

    Args:
        acquisition: What is to be large, over the unit cube.
        space: The space that the cube stands for.
        X_tried: Points that have been tried or will be, shape ``(n, d)``.
        used: What must not be returned.
        rng: Where all randomness comes from.

    Raises:
        FloatingPointError: The acquisition is not a number somewhere.
    """
    if space.is_constrained:
        X = feasible_region(space).sample(_N_POINTS, rng)
    else:
        X = qmc.Sobol(space.d, seed=rng).random(_N_POINTS)
    X = space.snap(X)
    X = X[space.is_feasible(X) & used.unused(X)]
    if len(X) == 0:
        return None
    distances = np.sqrt(squared_distances(X, X_tried).min(axis=1))
    far = X[distances >= _FAR * distances.max()]
    values = acquisition.values(far)
    if np.isnan(values).any():
        raise FloatingPointError("the acquisition is not a number")
    return space.decode(far[[values.argmax()]])[0]
