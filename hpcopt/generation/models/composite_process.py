"""Gaussian processes of what is to come close to targets. Pure numpy.

The distance from a target has a kink, or a sharp bend, at what is looked for, and no
Gaussian process likes that: the metrics themselves are modelled instead, and what their
distances amount to follows (Astudillo and Frazier, 2019, "Bayesian optimization of
composite functions").
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
class Target:
    """A process, and where it should be."""

    process: GaussianProcess
    target: float
    """In the process's own units, as are the distances from it."""
    weight: float
    """How much a distance counts; above 0."""
    power: int
    """1 for the distance itself, 2 for its square."""

    def moments(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance of the weighted distance at the points ``X``."""
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
class TargetProcess:
    """A Gaussian process to be maximised, less distances of others from targets.

    All of them are independent, and after outcomes at the same points.
    """

    X: Array
    """Where the outcomes are from, shape ``(n, d)``."""
    targets: tuple[Target, ...]
    """At least one."""
    linear: GaussianProcess | None
    """What is maximised beside; ``None`` for nothing."""
    slope: float
    """How much the latter counts; above 0."""

    @property
    def processes(self) -> tuple[GaussianProcess, ...]:
        """All processes, that to be maximised first."""
        first = () if self.linear is None else (self.linear,)
        return first + tuple(target.process for target in self.targets)

    @property
    def y(self) -> Array:
        """The values that the outcomes amount to, shape ``(n,)``."""
        return self.values([process.y for process in self.processes])

    @property
    def lengthscales(self) -> Array:
        """The processes' lengthscales, in the middle."""
        scales = [process.lengthscales for process in self.processes]
        middle: Array = np.exp(np.log(scales).mean(axis=0))
        return middle

    @property
    def log_likelihood(self) -> float:
        """The logarithm of the outcomes' density, without its additive constant."""
        return math.fsum(process.log_likelihood for process in self.processes)

    def values(self, Y: list[Array]) -> Array:
        """Return what values of each of ``processes`` amount to."""
        of_targets = Y if self.linear is None else Y[1:]
        value = np.zeros_like(Y[0]) if self.linear is None else self.slope * Y[0]
        for target, y in zip(self.targets, of_targets, strict=True):
            value = value - target.value(y)
        return value

    def moments(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance at each of ``X``, noise left out."""
        mean, variance = np.zeros(len(X)), np.zeros(len(X))
        if self.linear is not None:
            of_linear, variance_of_linear = self.linear.moments(X)
            mean, variance = self.slope * of_linear, self.slope**2 * variance_of_linear
        for target in self.targets:
            distance, variance_of_distance = target.moments(X)
            mean, variance = mean - distance, variance + variance_of_distance
        return mean, variance

    def mean(self, X: Array) -> Array:
        """Return the mean at the points ``X``."""
        return self.moments(X)[0]

    def mean_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return what the processes' means amount to at ``x``, and its gradient."""
        value, gradient = 0.0, np.zeros_like(x)
        if self.linear is not None:
            mean, slope = self.linear.mean_and_gradient(x)
            value, gradient = self.slope * mean, self.slope * slope
        for target in self.targets:
            mean, slope = target.process.mean_and_gradient(x)
            delta = mean - target.target
            value -= target.weight * abs(delta) ** target.power
            change = target.power * abs(delta) ** (target.power - 1)
            gradient = gradient - target.weight * change * np.sign(delta) * slope
        return value, gradient
