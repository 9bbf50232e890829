"""The Gaussian process's hyperparameters: MAP by L-BFGS with an analytic gradient.

The same model and priors as ``SingleTaskGP`` gets in ``surrogate.py``. gpytorch's
autograd needs some ten times as long for the data sets of expensive simulations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import pdist, squareform

Array = npt.NDArray[np.float64]

#: The Gamma priors. A lengthscale's rate depends on its coordinate.
_LENGTHSCALE_SHAPE = 3.0
_OUTPUTSCALE_SHAPE, _OUTPUTSCALE_RATE = 2.0, 0.15

#: The rate for a number, and for one of a choice's one-hot coordinates. With the
#: former, what is learnt for one value of a choice would say nothing of the others.
NUMBER_RATE, ONE_HOT_RATE = 6.0, 1.5

#: Mean and standard deviation of the logarithm of the noise's variance.
NOISE_PRIOR = (-7.0, 3.0)
MIN_NOISE = 1e-6

#: The noise of a model that is not fitted.
_PRUDENT_NOISE = 1e-2

_LENGTHSCALES = (5e-3, 1e2)
_OUTPUTSCALES = (1e-3, 1e3)
_NOISES = (MIN_NOISE, 1.0)

#: From where the fit starts: lengthscales as multiples of their priors' means, and
#: noises, of which the better end is taken: one for outcomes that repeat, one for
#: those that do not. Longer lengthscales seldom lead to a better end.
_START, _START_NOISES = 0.6, (1e-4, 1e-2)

_MAX_ITERATIONS = 200

_SQRT5 = math.sqrt(5.0)


@dataclass(frozen=True)
class Hyperparameters:
    """What a fit finds, for outcomes with mean 0 and variance 1."""

    lengthscales: Array
    outputscale: float
    noise: float | None
    """The variance of the noise; ``None`` where each point's is known."""
    mean: float


def fit_hyperparameters(
    X: Array, y: Array, noise: Array | None, rates: Array
) -> Hyperparameters:
    """Return the hyperparameters of largest posterior density.

    Args:
        X: Points of the unit cube, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``.
        noise: The variance of each outcome's noise; ``None`` to infer a common one.
        rates: The rate of each lengthscale's prior, shape ``(d,)``.

    Raises:
        LinAlgError: The covariance matrix could not be factorised.
    """
    d = X.shape[1]
    start = [*(_START * _LENGTHSCALE_SHAPE / rates), 1.0]
    bounds = [_LENGTHSCALES] * d + [_OUTPUTSCALES]
    starts = [start]
    if noise is None:
        starts = [[*start, start_noise] for start_noise in _START_NOISES]
        bounds.append(_NOISES)
    ends = [
        minimize(
            _loss,
            np.log(start),
            args=(X, y, noise, rates),
            jac=True,
            method="L-BFGS-B",
            bounds=np.log(bounds),
            options={"maxiter": _MAX_ITERATIONS},
        )
        for start in starts
    ]
    end = min(ends, key=lambda end: float(end.fun))
    if not math.isfinite(end.fun):
        raise LinAlgError("the covariance matrix is not positive definite")
    values = np.exp(end.x)
    K, _ = _covariance(X, values, noise)
    mean, _ = _profiled_mean(cho_factor(K, lower=True), y)
    return Hyperparameters(
        lengthscales=values[:d],
        outputscale=float(values[d]),
        noise=float(values[d + 1]) if noise is None else None,
        mean=mean,
    )


def prior_hyperparameters(
    X: Array, y: Array, noise: Array | None, rates: Array
) -> Hyperparameters:
    """Return hyperparameters that need no fit: typical ones, and much noise."""
    return Hyperparameters(
        lengthscales=_LENGTHSCALE_SHAPE / rates,
        outputscale=1.0,
        noise=_PRUDENT_NOISE,
        mean=float(y.mean()),
    )


def _loss(
    theta: Array, X: Array, y: Array, noise: Array | None, rates: Array
) -> tuple[float, Array]:
    """Return the negative log posterior density and its gradient in ``log``s."""
    d = X.shape[1]
    values = np.exp(theta)
    K, slope = _covariance(X, values, noise)
    try:
        factor = cho_factor(K, lower=True)
    except LinAlgError:
        return math.inf, np.zeros_like(theta)
    _, residual = _profiled_mean(factor, y)
    alpha = cho_solve(factor, residual)
    W = _inverse(factor) - np.outer(alpha, alpha)
    loss = 0.5 * residual @ alpha + np.log(np.diag(factor[0])).sum()

    gradient = np.empty_like(theta)
    G = W * slope
    gradient[:d] = (X**2).T @ G.sum(axis=1) - ((G @ X) * X).sum(axis=0)
    gradient[:d] /= values[:d] ** 2
    diagonal = values[d + 1] if noise is None else noise
    gradient[d] = 0.5 * ((W * K).sum() - (np.diag(W) * diagonal).sum())
    if noise is None:
        gradient[d + 1] = 0.5 * np.trace(W) * values[d + 1]

    shapes = np.array([*[_LENGTHSCALE_SHAPE] * d, _OUTPUTSCALE_SHAPE])
    rates = np.array([*rates, _OUTPUTSCALE_RATE])
    loss -= ((shapes - 1) * theta[: d + 1] - rates * values[: d + 1]).sum()
    gradient[: d + 1] -= (shapes - 1) - rates * values[: d + 1]
    if noise is None:
        mu, sigma = NOISE_PRIOR
        loss += theta[d + 1] + 0.5 * ((theta[d + 1] - mu) / sigma) ** 2
        gradient[d + 1] += 1 + (theta[d + 1] - mu) / sigma**2
    return float(loss), gradient


def _covariance(X: Array, values: Array, noise: Array | None) -> tuple[Array, Array]:
    """Return the outcomes' covariance, and its slope in ``-log`` squared distance."""
    d = X.shape[1]
    r = _SQRT5 * squareform(pdist(X / values[:d]))
    decay = values[d] * np.exp(-r)
    K = (1 + r + r**2 / 3) * decay
    slope = (5 / 3) * (1 + r) * decay
    K[np.diag_indices_from(K)] += values[d + 1] if noise is None else noise
    return K, slope


def _inverse(factor: tuple[Array, bool]) -> Array:
    # Half the work of solving for the identity matrix.
    lower, _ = dpotri(factor[0], lower=True)
    lower = np.tril(lower)
    inverse: Array = lower + np.tril(lower, -1).T
    return inverse


def _profiled_mean(factor: tuple[Array, bool], y: Array) -> tuple[float, Array]:
    """Return the constant mean of largest likelihood, and what it leaves."""
    weights = cho_solve(factor, np.ones_like(y))
    mean = float(weights @ y / weights.sum())
    return mean, y - mean
