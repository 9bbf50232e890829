"""The expected improvement of a Gaussian process, in its logarithm. Pure numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, ndtr

from hpcopt.generation.models.gaussian_process import GaussianProcess, SampledProcess

Array = npt.NDArray[np.float64]

_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_PI = math.sqrt(math.pi / 2)
_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))

#: Below ``-_FAR``, ``log_h`` is its own limit to all digits that are left.
_FAR = 1e4


class Improvement(Protocol):
    """What is maximised, after each of ``s`` samples of it at ``u`` points."""

    @property
    def values(self) -> Array:
        """The samples, shape ``(s, u)``."""

    def log(self, X: Array, best: Array) -> Array:
        """Return the logarithm of what is expected above ``best``.

        Args:
            X: Points, shape ``(b, d)``.
            best: A value for each sample, shape ``(s,)``.

        Returns:
            Shape ``(b, s)``.
        """

    def log_and_gradient(
        self, X: Array, best: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return it, and what turns weights of it into the weighted sum's gradient.

        The weights, of shape ``(b, s)``, sum to 1 at each point.
        """


class GaussianImprovement:
    """The improvement where one Gaussian process is maximised: exact."""

    N_SAMPLES: ClassVar[int] = 64

    def __init__(self, process: GaussianProcess, X: Array, normal: Array) -> None:
        """Sample the process at ``X``, of shape ``(u, d)``.

        Args:
            process: What is maximised.
            X: Where it is sampled.
            normal: Standard normal numbers, shape ``(s, u)``.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        self.values = process.samples(X, normal)
        self._process = SampledProcess(process, X, self.values)

    def log(self, X: Array, best: Array) -> Array:
        """Return the logarithm of what is expected above ``best``."""
        moments = self._process.at(X)
        sigma = moments.sigma[:, None]
        log_improvement: Array = log_h((moments.mean - best) / sigma)[0] + np.log(sigma)
        return log_improvement

    def log_and_gradient(
        self, X: Array, best: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return it, and what turns weights of it into the weighted sum's gradient."""
        moments = self._process.at(X)
        sigma = moments.sigma[:, None]
        z = (moments.mean - best) / sigma
        log_improvement, slope = log_h(z)

        def gradient(weights: Array) -> Array:
            of_mean = weights * slope / sigma
            of_sigma = -(of_mean * z).sum(axis=-1)
            of_sigma += 1 / moments.sigma  # the improvement's unit is sigma
            return moments.gradient(of_mean, of_sigma)

        return log_improvement + np.log(sigma), gradient


def log_h(z: Array) -> tuple[Array, Array]:
    """Return ``log(phi(z) + z * Phi(z))``, to all digits far below 0 too; its slope."""
    value, slope = np.empty_like(z), np.empty_like(z)
    is_low = z < -1
    high = z[~is_low]
    below = ndtr(high)
    h = np.exp(-0.5 * high**2 - _LOG_SQRT_2PI) + high * below
    value[~is_low], slope[~is_low] = np.log(h), below / h
    low = z[is_low]
    is_far = low < -_FAR
    near = np.where(is_far, -1.0, low)
    mills = _SQRT_HALF_PI * erfcx(-_SQRT_HALF * near)
    factor = np.where(is_far, low**-2.0, 1 + near * mills)
    mills = np.where(is_far, -1 / low, mills)
    value[is_low] = np.log(factor) - 0.5 * low**2 - _LOG_SQRT_2PI
    slope[is_low] = mills / factor
    return value, slope
