"""A composite of Gaussian processes: weighted distances from targets. Pure numpy.

The distance from a target has a kink, or a sharp bend, at what is looked for, and no
Gaussian process likes that: the metrics themselves are modelled instead, and what their
distances amount to follows (Astudillo and Frazier, "Bayesian Optimization of Composite
Functions", 2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from hpcopt.generation.models.gaussian_process import GaussianProcess

Array = npt.NDArray[np.float64]

_SQRT_2_PI = math.sqrt(2 / math.pi)


@dataclass(frozen=True)
class DistanceTerm:
    """``weight * |process - target| ** power``, to be small."""

    process: GaussianProcess
    target: float
    """In the process's own units, as are the distances from it."""
    weight: float
    """How much a distance counts; above 0."""
    power: int
    """1 for the distance itself, 2 for its square."""

    def moments(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance of the weighted distance at the points ``X``.

        They are exact: those of a folded normal distribution, or of a scaled noncentral
        chi-squared one. Shape ``(b,)`` each.
        """
        mean, variance = self.process.moments(X)
        delta, sigma = np.abs(mean - self.target), np.sqrt(variance)
        if self.power == 1:
            z = delta / sigma
            mean = sigma * _SQRT_2_PI * np.exp(-0.5 * z**2) + delta * (1 - 2 * ndtr(-z))
            variance = np.maximum(delta**2 + variance - mean**2, 0.0)
        else:
            mean = delta**2 + variance
            variance = 4 * delta**2 * variance + 2 * variance**2
        return self.weight * mean, self.weight * self.weight * variance

    def value(self, y: Array) -> Array:
        """Return the weighted distances of the values ``y`` of the process."""
        distance: Array = self.weight * np.abs(y - self.target) ** self.power
        return distance


@dataclass(frozen=True)
class CompositeProcess:
    """``slope * linear - sum(terms)``, to be maximised.

    All processes are independent, and conditioned on outcomes at the same points.
    """

    X: Array
    """Where the outcomes are from, shape ``(n, d)``."""
    terms: tuple[DistanceTerm, ...]
    """At least one."""
    linear: GaussianProcess | None
    """What is maximised beside; ``None`` for nothing."""
    slope: float
    """How much the latter counts; above 0."""

    @property
    def processes(self) -> tuple[GaussianProcess, ...]:
        """All ``k`` processes, the linear one first."""
        first = () if self.linear is None else (self.linear,)
        return first + tuple(term.process for term in self.terms)

    @property
    def y(self) -> Array:
        """The composite's values at ``X``, shape ``(n,)``."""
        return self.values([process.y for process in self.processes])

    @property
    def lengthscales(self) -> Array:
        """The geometric means of the processes' lengthscales, shape ``(d,)``."""
        scales = [process.lengthscales for process in self.processes]
        middle: Array = np.exp(np.log(scales).mean(axis=0))
        return middle

    @property
    def log_likelihood(self) -> float:
        """The log marginal likelihood of all outcomes, less an additive constant."""
        return math.fsum(process.log_likelihood for process in self.processes)

    def values(self, Y: list[Array]) -> Array:
        """Return the composite of values of each of ``processes``, of one shape."""
        of_terms = Y if self.linear is None else Y[1:]
        value = np.zeros_like(Y[0]) if self.linear is None else self.slope * Y[0]
        for term, y in zip(self.terms, of_terms, strict=True):
            value = value - term.value(y)
        return value

    def moments(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance at ``X``, noise left out, shape ``(b,)`` each."""
        mean, variance = np.zeros(len(X)), np.zeros(len(X))
        if self.linear is not None:
            of_linear, variance_of_linear = self.linear.moments(X)
            mean, variance = self.slope * of_linear, self.slope**2 * variance_of_linear
        for term in self.terms:
            distance, variance_of_distance = term.moments(X)
            mean, variance = mean - distance, variance + variance_of_distance
        return mean, variance

    def mean(self, X: Array) -> Array:
        """Return the posterior mean at the points ``X``, shape ``(b, d)``: ``(b,)``."""
        return self.moments(X)[0]

    def mean_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return the composite of the processes' means at ``x``, and its gradient."""
        value, gradient = 0.0, np.zeros_like(x)
        if self.linear is not None:
            mean, slope = self.linear.mean_and_gradient(x)
            value, gradient = self.slope * mean, self.slope * slope
        for term in self.terms:
            mean, slope = term.process.mean_and_gradient(x)
            delta = mean - term.target
            value -= term.weight * abs(delta) ** term.power
            change = term.power * abs(delta) ** (term.power - 1)
            gradient = gradient - term.weight * change * np.sign(delta) * slope
        return value, gradient
