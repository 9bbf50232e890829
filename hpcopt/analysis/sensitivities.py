"""How the parameters of a search space move the mean of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpcopt.analysis.parameter_inputs import ParameterInputs
from hpcopt.analysis.sobol_indices import (
    SobolIndices,
    mean_slopes,
    n_evaluations,
    sobol_indices,
)
from hpcopt.core.space.search_space import SearchSpace

Array = npt.NDArray[np.float64]

#: Pairs of more parameters than these are neither estimated nor shown.
MAX_PAIRED = 25

#: The points of each base sample of Sobol' indices, at least and at most, and what all
#: of them may take: a covariance of a point and an outcome takes a unit for each
#: coordinate, and some more.
_LEAST_N, _MOST_N = 64, 1024
_MOST_WORK, _WORK_OF_COVARIANCE = 500_000_000, 20

#: The points of which slopes are the mean.
_N_SLOPES = 256


@dataclass(frozen=True)
class Sensitivities:
    """How the parameters of a search space move a model's mean."""

    names: tuple[str, ...]
    """The ``p`` parameters that can be changed."""
    indices: SobolIndices
    """In their order; of pairs too, of up to ``MAX_PAIRED`` parameters."""
    slopes: Array
    """The mean gradient over the space, in units of the metric per width of the
    parameter's range, shape ``(p,)``; 0 where a parameter has no order."""


def sensitivities(
    space: SearchSpace, mean: Callable[[Array], Array], n_outcomes: int
) -> Sensitivities:
    """Estimate the sensitivities of a model of ``n_outcomes``.

    By so many points as are affordable, so that hundreds of parameters take a second.

    Args:
        space: The parameters; constraints on them are left aside.
        mean: The model's mean, shape ``(b,)``, at points of the cube, ``(b, d)``.
        n_outcomes: How many outcomes it knows.
    """
    inputs = ParameterInputs.of(space)
    p = len(inputs.names)
    with_pairs = 1 < p <= MAX_PAIRED
    each = n_outcomes * (space.d + _WORK_OF_COVARIANCE)
    n = _base_size(n_evaluations(p, with_pairs=with_pairs) * each)

    def function(U: Array) -> Array:
        return mean(inputs.points(U))

    slopes = mean_slopes(function, p, min(n, _N_SLOPES))
    return Sensitivities(
        inputs.names,
        sobol_indices(function, p, n, with_pairs=with_pairs),
        np.where(inputs.is_ordered, slopes, 0.0),
    )


def _base_size(work: int) -> int:
    """Return how many points a base sample has, if one takes so much work."""
    affordable = max(_LEAST_N, min(_MOST_N, _MOST_WORK // max(work, 1)))
    return 1 << (affordable.bit_length() - 1)
