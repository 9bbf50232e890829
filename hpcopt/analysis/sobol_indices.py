"""Sobol' indices: which share of a function's variance is whose. Pure numpy and scipy.

The estimators are those of Saltelli et al., "Variance based sensitivity analysis of
model output" (2010), and Jansen, "Analysis of variance designs for model output"
(1999). Those of pairs need the inputs of either base sample exchanged, and then all are
estimated by both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

Array = npt.NDArray[np.float64]

#: Variances smaller than this, relative to the mean square, are rounding.
_RELATIVE_VARIANCE = 1e-20


@dataclass(frozen=True)
class SobolIndices:
    """Shares of the variance of a function of ``p`` independent uniform inputs."""

    first: Array
    """What each input explains by itself, shape ``(p,)``."""
    total: Array
    """What each input explains together with all others, shape ``(p,)``."""
    second: Array | None
    """What each pair explains beyond its two inputs, shape ``(p, p)``, symmetric with
    a diagonal of 0; ``None`` if it was not asked for."""


def sobol_indices(
    function: Callable[[Array], Array],
    p: int,
    n: int,
    *,
    with_pairs: bool = False,
    seed: int = 0,
) -> SobolIndices:
    """Estimate the indices; all are 0 of a function that is constant.

    Args:
        function: Its values, shape ``(b,)``, at points of the unit cube, ``(b, p)``.
        p: How many inputs there are.
        n: How many points each base sample has, a power of two. The function is asked
            at ``n`` times ``n_evaluations`` points.
        with_pairs: Whether to estimate those of pairs, too.
        seed: That of the scrambled Sobol' sequence.
    """
    if p == 0:
        return SobolIndices(np.zeros(0), np.zeros(0), None)
    design = qmc.Sobol(2 * p, seed=seed).random(n)
    halves = design[:, :p], design[:, p:]
    values = np.stack([function(half) for half in halves])
    mean = values.mean()
    variance = float(values.var())
    if variance <= _RELATIVE_VARIANCE * float((values**2).mean()):
        zeros = np.zeros(p)
        return SobolIndices(zeros, zeros, np.zeros((p, p)) if with_pairs else None)
    values -= mean
    # By the input that is exchanged: each half with that one of the other.
    exchanged = np.empty((p, 2 if with_pairs else 1, n))
    for k in range(p):
        for one in range(exchanged.shape[1]):
            points = halves[one].copy()
            points[:, k] = halves[1 - one][:, k]
            exchanged[k, one] = function(points) - mean
    own, others = values[: exchanged.shape[1]], values[::-1][: exchanged.shape[1]]
    first = (others * (exchanged - own)).mean(axis=(1, 2)) / variance
    total = ((exchanged - own) ** 2).mean(axis=(1, 2)) / (2 * variance)
    second = None
    if with_pairs:
        # The first half with input j of the other, and the other with input k of the
        # first: they share what j and k are not.
        closed = exchanged[:, 1] @ exchanged[:, 0].T / n
        closed = (closed + closed.T) / 2 - (values[0] * values[1]).mean()
        second = closed / variance - first[:, None] - first[None, :]
        second = np.maximum(second, 0.0)
        np.fill_diagonal(second, 0.0)
    return SobolIndices(np.maximum(first, 0.0), total, second)


def n_evaluations(p: int, *, with_pairs: bool) -> int:
    """Return how often ``sobol_indices`` asks its function for a base point."""
    return 2 * p + 2 if with_pairs else p + 2


def mean_slopes(
    function: Callable[[Array], Array], p: int, n: int, *, seed: int = 0
) -> Array:
    """Return the function's mean gradient over the unit cube, shape ``(p,)``.

    An input's mean slope is the mean difference between the function at its upper and
    at its lower end, which needs no gradient, and is as meaningful where the input is a
    step function.

    Args:
        function: Its values, shape ``(b,)``, at points of the unit cube, ``(b, p)``.
        p: How many inputs there are.
        n: How many points the mean is of, a power of two.
        seed: That of the scrambled Sobol' sequence.
    """
    slopes = np.empty(p)
    points = qmc.Sobol(p, seed=seed).random(n) if p else slopes
    for k in range(p):
        ends = points.copy(), points.copy()
        ends[0][:, k], ends[1][:, k] = 0.0, 1.0
        slopes[k] = (function(ends[1]) - function(ends[0])).mean()
    return slopes
