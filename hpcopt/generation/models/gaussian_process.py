"""A Gaussian process of known hyperparameters, conditioned on data. Pure numpy.

What BoTorch's ``SingleTaskGP`` says, in a tenth of the time: with the few dozens of
points that expensive simulations give, nearly all of its time is overhead. Notation
and algorithms are those of Rasmussen and Williams, "Gaussian Processes for Machine
Learning" (2006), chapters 2 and 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]

_SQRT5 = math.sqrt(5.0)

#: Variances below this, in units of the outputscale, are rounding.
JITTER = 1e-9

#: What is added to a covariance that rounding made indefinite, one after the other.
_REPAIRS = (0.0, 1e-9, 1e-8, 1e-7, 1e-6)


@dataclass(frozen=True)
class Hyperparameters:
    """Those of a Gaussian process of outcomes with mean 0 and variance 1."""

    lengthscales: Array
    """One for each coordinate (ARD), in units of the cube's side, shape ``(d,)``."""
    outputscale: float
    """The prior variance of the noiseless values."""
    noise: float | None
    """The variance of the noise; ``None`` where each outcome's is known."""
    mean: float
    """The constant prior mean."""


@dataclass(frozen=True)
class GaussianProcess:
    """A process with a Matérn-5/2 kernel and a constant mean, after ``n`` outcomes."""

    X: Array
    """Where the outcomes are from, shape ``(n, d)``."""
    y: Array
    """The outcomes, shape ``(n,)``."""
    noise: Array
    """The variance of each outcome's noise, shape ``(n,)``."""
    hyperparameters: Hyperparameters
    root: Array
    """The lower Cholesky factor of the outcomes' covariance ``K``, shape ``(n, n)``."""
    weights: Array
    """``K^-1 (y - mean)``, shape ``(n,)``."""

    @classmethod
    def of(
        cls, X: Array, y: Array, noise: Array, hyperparameters: Hyperparameters
    ) -> GaussianProcess:
        """Return the process conditioned on the outcomes ``y``.

        Raises:
            LinAlgError: The outcomes' covariance could not be factorised.
        """
        A = X / hyperparameters.lengthscales
        K = hyperparameters.outputscale * matern52(squared_distances(A, A))[0]
        K[np.diag_indices_from(K)] += noise
        root = cholesky(K)
        weights = cho_solve((root, True), y - hyperparameters.mean)
        return cls(X, y, noise, hyperparameters, root, weights)

    @classmethod
    def of_model(cls, model: Any) -> GaussianProcess:
        """Return what a ``SingleTaskGP`` with a scaled Matérn-5/2 kernel is.

        Raises:
            LinAlgError: The outcomes' covariance could not be factorised.
        """
        y = model.train_targets.numpy()
        noise = model.likelihood.noise.detach().numpy()
        kernel = model.covar_module
        hyperparameters = Hyperparameters(
            lengthscales=kernel.base_kernel.lengthscale.detach().numpy()[0],
            outputscale=kernel.outputscale.item(),
            noise=noise.item() if noise.size == 1 else None,
            mean=model.mean_module.constant.item(),
        )
        [X] = model.train_inputs
        noise = np.broadcast_to(noise, y.shape)
        return cls.of(X.numpy(), y, noise, hyperparameters)

    @property
    def lengthscales(self) -> Array:
        """The kernel's lengthscales, shape ``(d,)``."""
        return self.hyperparameters.lengthscales

    @property
    def log_likelihood(self) -> float:
        """The log marginal likelihood of the outcomes, less an additive constant."""
        residual = self.y - self.hyperparameters.mean
        fit = -0.5 * float(residual @ self.weights)
        return fit - float(np.log(np.diag(self.root)).sum())

    @property
    def loo_log_density(self) -> float:
        """The sum of the log predictive densities of each outcome, given the others.

        Without refitting, from the inverse of the outcomes' covariance: Sundararajan
        and Keerthi (2001); Rasmussen and Williams (2006), equations 5.10 to 5.12.
        """
        precision = np.diag(cho_solve((self.root, True), np.eye(len(self.y))))
        log_densities = np.log(precision) - self.weights**2 / precision
        return 0.5 * float((log_densities - math.log(2 * math.pi)).sum())

    def mean(self, X: Array) -> Array:
        """Return the posterior mean at the points ``X``, shape ``(b, d)``: ``(b,)``."""
        mean: Array = self.hyperparameters.mean + self._covariance(X) @ self.weights
        return mean

    def mean_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return the posterior mean at ``x``, shape ``(d,)``, and its gradient."""
        lengthscales = self.hyperparameters.lengthscales
        apart = x / lengthscales - self.X / lengthscales
        correlations, slopes = matern52((apart**2).sum(axis=1))
        scale = self.hyperparameters.outputscale
        mean = self.hyperparameters.mean + scale * float(correlations @ self.weights)
        pulls = scale * slopes * self.weights
        return mean, -(pulls @ apart) / lengthscales

    def moments(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance at ``X``, noise left out, shape ``(b,)`` each."""
        k = self._covariance(X)
        explained = solve_triangular(self.root, k.T, lower=True)
        scale = self.hyperparameters.outputscale
        variance = scale - np.einsum("nb,nb->b", explained, explained)
        return (
            self.hyperparameters.mean + k @ self.weights,
            np.maximum(variance, JITTER * scale),
        )

    def samples(self, X: Array, normal: Array) -> Array:
        """Return joint posterior samples of the noiseless values at ``X``, ``(s, u)``.

        Args:
            X: Points, shape ``(u, d)``.
            normal: Standard normal numbers, shape ``(s, u)``.

        Raises:
            LinAlgError: The points' covariance could not be factorised.
        """
        scale = self.hyperparameters.outputscale
        A = X / self.hyperparameters.lengthscales
        k = self._covariance(X)
        explained = solve_triangular(self.root, k.T, lower=True)
        K = scale * matern52(squared_distances(A, A))[0] - explained.T @ explained
        K[np.diag_indices_from(K)] += JITTER * scale
        mean = self.hyperparameters.mean + k @ self.weights
        return mean + normal @ cholesky(K).T

    def _covariance(self, X: Array) -> Array:
        """Return the covariances of the points ``X`` and the outcomes, ``(b, n)``."""
        lengthscales = self.hyperparameters.lengthscales
        squared = squared_distances(X / lengthscales, self.X / lengthscales)
        return self.hyperparameters.outputscale * matern52(squared)[0]


class FantasyProcess:
    """A process conditioned on its outcomes and on each of ``s`` fantasies.

    A fantasy is a sample of the values at points whose outcomes are not known. The
    posterior variance is the same for all of them; only the means differ.
    """

    def __init__(self, process: GaussianProcess, X: Array, fantasies: Array) -> None:
        """Take each fantasy as if it had been observed, without noise.

        Args:
            process: What is known.
            X: The points whose outcomes are not known, shape ``(u, d)``.
            fantasies: Their values, shape ``(s, u)``.

        Raises:
            LinAlgError: The covariance could not be factorised.
        """
        hyperparameters = process.hyperparameters
        self._mean = hyperparameters.mean
        self._scale = hyperparameters.outputscale
        self._lengthscales = hyperparameters.lengthscales
        self._anchors = np.concatenate([process.X, X]) / self._lengthscales
        squared = squared_distances(self._anchors, self._anchors)
        K = self._scale * matern52(squared)[0]
        jitter = np.full(len(X), JITTER * self._scale)
        K[np.diag_indices_from(K)] += np.concatenate([process.noise, jitter])
        factor = cholesky(K), True
        known = np.broadcast_to(process.y, (len(fantasies), len(process.y)))
        y = np.concatenate([known, fantasies], axis=1) - self._mean
        self._weights = cho_solve(factor, y.T)
        self._precision = cho_solve(factor, np.eye(len(K)))

    def posterior(self, X: Array) -> PointwisePosterior:
        """Return the posteriors at the points ``X``, shape ``(b, d)``."""
        scaled = X / self._lengthscales
        correlations, slopes = matern52(squared_distances(scaled, self._anchors))
        k = self._scale * correlations
        projected = k @ self._precision
        variance = self._scale - np.einsum("bn,bn->b", projected, k)
        return PointwisePosterior(
            mean=self._mean + k @ self._weights,
            sigma=np.sqrt(np.maximum(variance, JITTER * self._scale)),
            _weights=self._weights,
            _projected=projected,
            _slopes=self._scale * slopes,
            _scaled=scaled,
            _anchors=self._anchors,
            _lengthscales=self._lengthscales,
        )


@dataclass(frozen=True)
class PointwisePosterior:
    """Marginal posteriors at ``b`` points, given each of ``s`` fantasies."""

    mean: Array
    """Shape ``(b, s)``."""
    sigma: Array
    """The standard deviation, noise left out, shape ``(b,)``."""
    _weights: Array
    _projected: Array
    _slopes: Array
    _scaled: Array
    """The points, in lengthscales, as the anchors are."""
    _anchors: Array
    _lengthscales: Array

    def gradient(self, of_mean: Array, of_sigma: Array) -> Array:
        """Return the gradients in the points of a function of the posteriors.

        Args:
            of_mean: Its derivatives in ``mean``, shape ``(b, s)``.
            of_sigma: Its derivatives in ``sigma``, shape ``(b,)``.

        Returns:
            Shape ``(b, d)``.
        """
        of_k = of_mean @ self._weights.T
        of_k -= (of_sigma / self.sigma)[:, None] * self._projected
        # The sum over the anchors of what pulls away from each of them, without an
        # array of all differences.
        pulls = of_k * self._slopes
        away = pulls.sum(axis=1)[:, None] * self._scaled - pulls @ self._anchors
        gradient: Array = -away / self._lengthscales
        return gradient


def matern52(squared: Array) -> tuple[Array, Array]:
    """Return the Matérn-5/2 correlations over squared distances, and their slopes.

    The slope is the derivative with respect to minus half the squared distance.

    Args:
        squared: Squared distances in lengthscales, of any shape.
    """
    r = _SQRT5 * np.sqrt(squared)
    decay = np.exp(-r)
    return (1 + r + r**2 / 3) * decay, (5 / 3) * (1 + r) * decay


def squared_distances(A: Array, B: Array) -> Array:
    """Return the squared distances of points ``(a, d)`` and ``(b, d)``: ``(a, b)``."""
    squared: Array = cdist(A, B, "sqeuclidean")
    return squared


def cholesky(K: Array) -> Array:
    """Return the lower factor of ``K``, repaired where rounding made it indefinite.

    Raises:
        LinAlgError: It is not positive definite by far, or not finite.
    """
    typical = float(np.mean(np.diag(K))) if len(K) else 0.0
    for repair in _REPAIRS:
        repaired = K + repair * typical * np.eye(len(K)) if repair else K
        root, info = dpotrf(repaired, lower=1, clean=1)
        if info == 0 and np.isfinite(np.diag(root)).all():
            factor: Array = root
            return factor
    raise LinAlgError("the covariance matrix is not positive definite")
