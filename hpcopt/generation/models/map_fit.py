"""Hyperparameters of a Gaussian process: their priors, and the MAP fit.

The posterior density and its gradient are analytic; L-BFGS maximises it. The model and
the priors are those that ``SingleTaskGP`` gets in ``models/botorch.py``; gpytorch's
autograd needs some ten times as long for the data sets of expensive simulations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize
from scipy.spatial.distance import squareform

from hpcopt.generation.models.gaussian_process import Hyperparameters, matern52

Array = npt.NDArray[np.float64]

#: The shape of a lengthscale's Gamma prior.
_SHAPE = 3.0

#: Its rate for a number, and for one of a choice's one-hot coordinates. With the
#: former, what is learnt for one value of a choice would say nothing of the others.
NUMBER_RATE, ONE_HOT_RATE = 6.0, 1.5

#: The long lengthscales' log-normal prior: Hvarfner et al., "Vanilla Bayesian
#: Optimization Performs Great in High Dimensions" (2024).
_LONG_MU, _LONG_SIGMA = math.sqrt(2.0), math.sqrt(3.0)

MIN_NOISE = 1e-6

#: The noise variance of a model that is not fitted.
_PRUDENT_NOISE = 1e-2

#: The bounds of a fit.
_LONGEST = 1e2
_OUTPUTSCALES = (1e-3, 1e3)
_NOISES = (MIN_NOISE, 1.0)

#: From where the fit starts: lengthscales as multiples of the prior's location, and
#: noises, of which the better end is taken: one for outcomes that repeat, one for
#: those that do not. Longer lengthscales seldom lead to a better end.
_START, _START_NOISES = 0.6, (1e-4, 1e-2)

#: The time limit of a fit: a limit on its iterations gives the same bits on any
#: machine.
_MAX_ITERATIONS = 100


class Prior(Protocol):
    """A density of ``k`` positive numbers, a factor for each of them."""

    @property
    def location(self) -> Array:
        """Numbers in the middle of it, shape ``(k,)``."""

    def loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density of ``exp(theta)``, and its gradient.

        Additive constants are left out.
        """


@dataclass(frozen=True)
class Gamma:
    """Gamma distributions of one shape."""

    shape: float
    rate: Array

    @property
    def location(self) -> Array:
        """The means."""
        means: Array = self.shape / self.rate
        return means

    def loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density of ``exp(theta)``, and its gradient."""
        scaled = self.rate * np.exp(theta)
        loss = float((scaled - (self.shape - 1) * theta).sum())
        return loss, scaled - (self.shape - 1)


@dataclass(frozen=True)
class LogNormal:
    """Normal distributions of the logarithms."""

    mu: Array
    sigma: float

    @property
    def location(self) -> Array:
        """The medians."""
        medians: Array = np.exp(self.mu)
        return medians

    def loss(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density of ``exp(theta)``, and its gradient."""
        z = (theta - self.mu) / self.sigma
        return float((theta + 0.5 * z**2).sum()), 1 + z / self.sigma


@dataclass(frozen=True)
class Priors:
    """The priors of a model of outcomes with variance 1."""

    lengthscales: Prior
    outputscale: Prior
    noise: Prior
    """Of the noise's variance."""
    shortest: float = 5e-3
    """The smallest lengthscale that a fit may find."""

    @classmethod
    def short_lengthscales(cls, is_one_hot: npt.NDArray[np.bool_]) -> Priors:
        """Return those of an outcome that goes up and down within the space.

        Args:
            is_one_hot: Of each coordinate, whether it stands for a choice's value.
        """
        rates = np.where(is_one_hot, ONE_HOT_RATE, NUMBER_RATE)
        return cls(Gamma(_SHAPE, rates), Gamma(2.0, np.array([0.15])), _noise())

    @classmethod
    def long_lengthscales(cls, d: int) -> Priors:
        """Return those of a trend across the ``d`` dimensions, scaled with these."""
        mu = np.full(d, _LONG_MU + 0.5 * math.log(max(d, 1)))
        scale = LogNormal(np.array([math.log(3.0)]), 1.0)
        return cls(LogNormal(mu, _LONG_SIGMA), scale, _noise())


def _noise() -> LogNormal:
    return LogNormal(np.array([-7.0]), 3.0)


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
    d = X.shape[1]
    start = [*(_START * priors.lengthscales.location), 1.0]
    bounds = [(priors.shortest, _LONGEST)] * d + [_OUTPUTSCALES]
    starts = [start]
    if noise is None:
        starts = [[*start, start_noise] for start_noise in _START_NOISES]
        bounds.append(_NOISES)
    posterior = _Posterior(X, y, noise, priors)
    ends = [
        minimize(
            posterior.loss,
            np.log(start),
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
    return Hyperparameters(
        lengthscales=values[:d],
        outputscale=float(values[d]),
        noise=float(values[d + 1]) if noise is None else None,
        mean=posterior.mean(values),
    )


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


class _Posterior:
    """The posterior density of hyperparameters; the mean is profiled out.

    What belongs to a pair of points is computed once a pair, not twice, in the order
    of ``squareform``.
    """

    def __init__(self, X: Array, y: Array, noise: Array | None, priors: Priors) -> None:
        self._y, self._noise, self._priors = y, noise, priors
        self._first, self._second = np.triu_indices(len(X), 1)
        self._squares = (X[self._first] - X[self._second]) ** 2

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
        pairs = inverse[self._second, self._first]
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
