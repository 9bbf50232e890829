"""What is believed of a Gaussian process's hyperparameters before the fit.

The priors are those that ``SingleTaskGP`` gets in ``models/surrogate.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: The shape of a lengthscale's Gamma prior.
_SHAPE = 3.0

#: Its rate for a number, and for one of a choice's one-hot coordinates. With the
#: former, what is learnt for one value of a choice would say nothing of the others.
NUMBER_RATE, ONE_HOT_RATE = 6.0, 1.5

#: The long lengthscales' log-normal prior: Hvarfner et al., "Vanilla Bayesian
#: Optimization Performs Great in High Dimensions" (2024).
_LONG_MU, _LONG_SIGMA = math.sqrt(2.0), math.sqrt(3.0)


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
