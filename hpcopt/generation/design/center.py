"""The first trial: the centre of the space. Loads scipy only if it must."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpcopt.core.space.search_space import SearchSpace
from hpcopt.core.types import TParameterization
from hpcopt.generation.design.feasible import feasible_region

#: Random points among which other sets of active parameters are looked for.
_N_TRIES = 100


def center_point(space: SearchSpace) -> npt.NDArray[np.float64]:
    """Return the centre of the cube, or of its feasible part; shape ``(d,)``.

    Raises:
        ConfigError: No point could be found that satisfies the constraints.
    """
    if space.is_constrained:
        return feasible_region(space).center
    return np.full(space.d, 0.5)


def center_of(space: SearchSpace) -> TParameterization:
    """Return the parameterization of the first trial.

    Raises:
        ConfigError: No point could be found that satisfies the constraints.
    """
    [parameters] = space.decode(space.snap(center_point(space)[None]))
    return parameters


def shapes(space: SearchSpace) -> list[TParameterization]:
    """Return the centre, and a point for each other set of active parameters.

    Raises:
        ConfigError: No point could be found that satisfies the constraints.
    """
    found = {frozenset(point): point for point in [center_of(space)]}
    if space.conditions:
        rng = np.random.default_rng(0)
        for point in space.decode(feasible_region(space).sample(_N_TRIES, rng)):
            found.setdefault(frozenset(point), point)
    return list(found.values())
