"""What a Gaussian process says of outcomes that are held out. Pure numpy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_solve

from hpcopt.generation.models.gaussian_process import JITTER, GaussianProcess

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def held_out_moments(
    process: GaussianProcess, folds: Iterable[Indices]
) -> tuple[Array, Array]:
    """Return mean and variance at each point, given the outcomes of the other folds.

    The hyperparameters are held, and the variance is that of the noiseless value. It is
    exact and needs no refit: what the process would be without a fold follows from that
    fold's block of the inverse covariance. With folds of one outcome it is the
    leave-one-out of Rasmussen and Williams, "Gaussian Processes for Machine Learning"
    (2006), equation 5.12.

    Args:
        process: The process that knows all ``n`` outcomes.
        folds: The indices of each fold's outcomes; each outcome is in one of them.

    Returns:
        Shape ``(n,)`` each.
    """
    n = len(process.y)
    precision = cho_solve((process.root, True), np.eye(n))
    mean, variance = np.empty(n), np.empty(n)
    for fold in folds:
        covariance = np.linalg.inv(precision[np.ix_(fold, fold)])
        mean[fold] = process.y[fold] - covariance @ process.weights[fold]
        variance[fold] = np.diag(covariance) - process.noise[fold]
    least = JITTER * process.hyperparameters.outputscale
    return mean, np.maximum(variance, least)


def folds_of(n: int, n_folds: int, seed: int = 0) -> list[Indices]:
    """Return ``n`` indices in folds of equal size, give or take one, at random.

    Args:
        n: How many outcomes there are.
        n_folds: How many folds; below 0, or more than ``n``, for one an outcome.
        seed: That of the order in which they are dealt out.
    """
    if not 0 < n_folds < n:
        return [np.array([k]) for k in range(n)]
    order = np.random.default_rng(seed).permutation(n)
    return [np.sort(order[k::n_folds]) for k in range(n_folds)]
