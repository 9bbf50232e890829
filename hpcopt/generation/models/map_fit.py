"""Hyperparameters of a Gaussian process: those of largest posterior density.

The density and its gradient are analytic, and L-BFGS maximises it; gpytorch's autograd
needs some ten times as long for the data sets of expensive simulations. Where outcomes
are many a part of them is fitted first, and a few steps lead from its maxima to those
of all.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import squareform

from hpcopt.generation.models.gaussian_process import Hyperparameters, matern52
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.refinement import curvature, refined_minimum

Array = npt.NDArray[np.float64]
_Mode = tuple[Array, float]

MIN_NOISE = 1e-6

#: The bounds of a fit.
_LONGEST = 1e2
_OUTPUTSCALES = (1e-3, 1e3)
_NOISES = (MIN_NOISE, 1.0)

#: From where the fit starts: lengthscales as multiples of the prior's location, and
#: noises, of which the better end is taken: one for outcomes that repeat, one for
#: those that do not. Longer lengthscales seldom lead to a better end.
_START, _START_NOISES = 0.6, (1e-4, 1e-2)

#: The noise variance of a model that is not fitted.
_PRUDENT_NOISE = 1e-2

#: The time limit of a fit: a limit on its iterations gives the same bits on any
#: machine.
_MAX_ITERATIONS = 100

#: Of many outcomes one of so many is fitted first, if these are no fewer than the
#: second number, and if there are no more hyperparameters than the third.
_REDUCTION, _MIN_PART, _MAX_REFINED = 3, 100, 60

#: The fit to all from there ends where the log density grows by less than this.
_TOLERANCE = 1e-4

#: Maxima are one where no hyperparameter differs by more than this share.
_SAME = 0.1


def fit_hyperparameters(
    X: Array, y: Array, noise: Array | None, priors: Priors
) -> Hyperparameters:
    """Return the hyperparameters of largest posterior density.

    Args:
        X: Points of the unit cube, shape ``(n, d)``.
        y: Outcomes, shape ``(n,)``.
        noise: The variance of each outcome's noise; ``None`` to infer a common one.
        priors: What is believed of them.

    Raises:
        LinAlgError: The covariance matrix could not be factorised.
    """
    posterior = LogPosterior(X, y, noise, priors)
    theta, loss = min(_modes(posterior), key=lambda mode: mode[1])
    if not math.isfinite(loss):
        raise LinAlgError("the covariance matrix is not positive definite")
    d = X.shape[1]
    values = np.exp(theta)
    return Hyperparameters(
        lengthscales=values[:d],
        outputscale=float(values[d]),
        noise=float(values[d + 1]) if noise is None else None,
        mean=posterior.mean(values),
    )


def _modes(posterior: LogPosterior) -> list[_Mode]:
    """Return maxima of the density and the negative log densities there.

    The latter are infinite where the fit got lost.
    """
    n_part = len(posterior) // _REDUCTION
    lower, upper = posterior.bounds
    if n_part >= _MIN_PART and len(lower) <= _MAX_REFINED:
        modes = _refined_modes(posterior, posterior.part(n_part))
        if modes:
            return modes
    ends = [
        minimize(
            posterior.loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=np.column_stack([lower, upper]),
            options={"maxiter": _MAX_ITERATIONS},
        )
        for start in posterior.starts
    ]
    return [(end.x, float(end.fun)) for end in ends]


def _refined_modes(posterior: LogPosterior, part: LogPosterior) -> list[_Mode]:
    """Return the maxima near those of the density of a part of the outcomes."""
    lower, upper = posterior.bounds
    starts: list[Array] = []
    for theta, loss in _modes(part):
        is_new = all(np.abs(theta - other).max() > _SAME for other in starts)
        if is_new and math.isfinite(loss):
            starts.append(theta)
    ends = []
    for start in starts:
        second = _REDUCTION * curvature(part.loss, start, lower, upper)
        ends.append(
            refined_minimum(posterior.loss, start, lower, upper, second, _TOLERANCE)
        )
    return [end for end in ends if math.isfinite(end[1])]


def prior_hyperparameters(
    X: Array, y: Array, noise: Array | None, priors: Priors
) -> Hyperparameters:
    """Return hyperparameters that need no fit: the priors' own, and much noise."""
    return Hyperparameters(
        lengthscales=priors.lengthscales.location,
        outputscale=1.0,
        noise=_PRUDENT_NOISE,
        mean=float(y.mean()),
    )


class LogPosterior:
    """The posterior density of hyperparameters; the mean is profiled out.

    What belongs to a pair of points is computed once a pair, not twice, in the order
    of ``squareform``.
    """

    def __init__(self, X: Array, y: Array, noise: Array | None, priors: Priors) -> None:
        self._X, self._y, self._noise, self._priors = X, y, noise, priors
        self._first, self._second = np.triu_indices(len(X), 1)
        self._squares = (X[self._first] - X[self._second]) ** 2

    def __len__(self) -> int:
        return len(self._y)

    @property
    def starts(self) -> list[Array]:
        """From where a fit starts, shape ``(d + 1,)`` or ``(d + 2,)`` each."""
        start = [*(_START * self._priors.lengthscales.location), 1.0]
        starts = [start]
        if self._noise is None:
            starts = [[*start, start_noise] for start_noise in _START_NOISES]
        return [np.log(start) for start in starts]

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The bounds of a fit, of the same shape."""
        bounds = [(self._priors.shortest, _LONGEST)] * self._X.shape[1]
        bounds += (
            [_OUTPUTSCALES] if self._noise is not None else [_OUTPUTSCALES, _NOISES]
        )
        lower, upper = np.log(bounds).T
        return lower, upper

    def part(self, n: int) -> LogPosterior:
        """Return that of ``n`` of the outcomes, drawn evenly."""
        order = np.random.default_rng(len(self)).permutation(len(self))
        kept = np.sort(order[:n])
        noise = None if self._noise is None else self._noise[kept]
        return LogPosterior(self._X[kept], self._y[kept], noise, self._priors)

    def mean(self, values: Array) -> float:
        """Return the constant mean of largest likelihood."""
        K, _ = self._covariance(values)
        mean, _ = _profiled_mean(cho_factor(K, lower=True), self._y)
        return mean

    def loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density at ``exp(theta)``, and its gradient.

        Args:
            theta: Logarithms of lengthscales, outputscale and, unless it is known,
                noise, shape ``(d + 1,)`` or ``(d + 2,)``.
        """
        values = np.exp(theta)
        d = self._squares.shape[1]
        K, slopes = self._covariance(values)
        try:
            factor = cho_factor(K, lower=True)
        except LinAlgError:
            return math.inf, np.zeros_like(theta)
        _, residual = _profiled_mean(factor, self._y)
        alpha = cho_solve(factor, residual)
        inverse, _ = dpotri(factor[0], lower=True)
        # What is above the diagonal, row by row: the lower triangle, transposed.
        pairs = squareform(inverse.T, checks=False)
        pairs = pairs - alpha[self._first] * alpha[self._second]
        diagonal = np.diag(inverse) - alpha**2
        noise = values[d + 1] if self._noise is None else self._noise
        loss = 0.5 * residual @ alpha + np.log(np.diag(factor[0])).sum()

        gradient = np.empty_like(theta)
        gradient[:d] = (pairs * slopes) @ self._squares / values[:d] ** 2
        gradient[d] = 0.5 * (len(alpha) - residual @ alpha - (diagonal * noise).sum())
        if self._noise is None:
            gradient[d + 1] = 0.5 * diagonal.sum() * values[d + 1]
        parts = [(self._priors.lengthscales, slice(d))]
        parts += [(self._priors.outputscale, slice(d, d + 1))]
        if self._noise is None:
            parts += [(self._priors.noise, slice(d + 1, d + 2))]
        for prior, part in parts:
            prior_loss, prior_gradient = prior.loss(theta[part])
            loss += prior_loss
            gradient[part] += prior_gradient
        return float(loss), gradient

    def _covariance(self, values: Array) -> tuple[Array, Array]:
        """Return the outcomes' covariance, and the kernel's slope of each pair."""
        d = self._squares.shape[1]
        correlations, slopes = matern52(self._squares @ (1 / values[:d] ** 2))
        K = squareform(values[d] * correlations)
        noise = values[d + 1] if self._noise is None else self._noise
        np.fill_diagonal(K, values[d] + noise)
        return K, values[d] * slopes


def _profiled_mean(factor: tuple[Array, bool], y: Array) -> tuple[float, Array]:
    """Return the constant mean of largest likelihood, and what it leaves of ``y``."""
    weights = cho_solve(factor, np.ones_like(y))
    mean = float(weights @ y / weights.sum())
    return mean, y - mean
