"""The expected improvement of a composite of distances from targets. Pure numpy.

A better point's distances must fit into what the best one so far leaves: its own value.
One process after the other is drawn from what still fits, and takes its part of it; the
probability that something fits is a factor each time, and what is left in the end is
the improvement. That is the simulator of Geweke, Hajivassiliou and Keane for a normal
distribution's probabilities (Geweke, 1991). No sample is ever in vain: all of them tell
how to get closer, also where an improvement is as good as impossible, and one of a few
targets is known to some digits with few samples.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr, ndtri_exp
from typing_extensions import override

from hpcopt.generation.models.composite_process import CompositeProcess, DistanceTerm
from hpcopt.generation.models.gaussian_process import FantasyProcess, PointwisePosterior

Array = npt.NDArray[np.float64]

_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))

#: What is always left to be improved, in standard deviations of the outcomes.
_LEAST = 1e-12

#: Across intervals so narrow, in standard deviations, a normal density is level.
_NARROW = 1e-6


class CompositeImprovement:
    """The improvement of a ``CompositeProcess``, from samples of its processes."""

    N_SAMPLES: ClassVar[int] = 64

    def __init__(
        self, process: CompositeProcess, X: Array, normal: Array, of_point: Array
    ) -> None:
        """Sample the processes at ``X``, of shape ``(u, d)``.

        Args:
            process: What is maximised.
            X: Where it is sampled.
            normal: Standard normal numbers, shape ``(s, k, u)`` for ``k`` processes.
            of_point: Others, that the point in question is sampled with, ``(s, k)``.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        self._process = process
        self._sampled, samples = [], []
        for k, each in enumerate(process.processes):
            samples.append(each.samples(X, normal[:, k]))
            self._sampled.append(FantasyProcess(each, X, samples[-1]))
        self.values = process.values(samples)
        self._shares = ndtr(of_point)

    def log(self, X: Array, best: Array) -> Array:
        """Return the logarithm of the expected improvement on ``best``, ``(b, s)``."""
        return self._draws(X, best)[0]

    def log_and_gradient(
        self, X: Array, best: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return it, and what turns weights of it into the weighted sum's gradient."""
        log_improvement, draws, left = self._draws(X, best)

        def gradient(weights: Array) -> Array:
            of_left = weights / left
            gradients = np.zeros_like(X)
            for draw in reversed(draws):
                of_left, of_mean, of_sigma = draw.backward(weights, of_left)
                gradients += draw.posterior.gradient(of_mean, of_sigma.sum(axis=-1))
            return gradients

        return log_improvement, gradient

    def _draws(self, X: Array, best: Array) -> tuple[Array, list[_Draw], Array]:
        """Return the improvement's logarithm, how it was drawn, and what was left.

        All of shape ``(b, s)``, each of the draws too.
        """
        draws: list[_Draw] = []
        posteriors = [sampled.posterior(X) for sampled in self._sampled]
        shares = list(self._shares.T)
        left = np.broadcast_to(np.maximum(-best, _LEAST), (len(X), len(best)))
        if self._process.linear is not None:
            slope = self._process.slope
            draws.append(_Above.of(posteriors.pop(0), best, slope, shares.pop(0)))
            left = draws[0].left
        for term, posterior, share in zip(
            self._process.terms, posteriors, shares, strict=True
        ):
            draws.append(_Within.of(posterior, term, left, share))
            left = draws[-1].left
        log_improvement = np.log(left)
        for draw in draws:
            log_improvement += draw.log_probability
        return log_improvement, draws, left


@dataclass(frozen=True)
class _Draw(ABC):
    """A process drawn from what fits, at ``b`` points, of ``s`` samples each."""

    posterior: PointwisePosterior
    log_probability: Array
    """That it fits, shape ``(b, s)``."""
    left: Array
    """What is left for the processes after it, shape ``(b, s)``; above 0."""

    @abstractmethod
    def backward(self, weights: Array, of_left: Array) -> tuple[Array, Array, Array]:
        """Return derivatives in what was left before, in the mean and in sigma.

        Args:
            weights: The derivatives in ``log_probability``.
            of_left: The derivatives in ``left``.
        """


@dataclass(frozen=True)
class _Above(_Draw):
    """What is maximised, drawn from what is above the best value."""

    slope: float
    share: Array
    bound: Array
    """By how many standard deviations the mean is above the best value."""
    z: Array
    """By how many the mean is above the draw."""

    @classmethod
    def of(
        cls, posterior: PointwisePosterior, best: Array, slope: float, share: Array
    ) -> _Above:
        """Return the draw whose exceedance has the probability ``share``."""
        sigma = posterior.sigma[:, None]
        bound = (posterior.mean - best / slope) / sigma
        log_probability = log_ndtr(bound)
        z = ndtri_exp(np.log(share) + log_probability)
        left = np.maximum(slope * sigma * (bound - z), _LEAST)
        return cls(posterior, log_probability, left, slope, share, bound, z)

    @override
    def backward(self, weights: Array, of_left: Array) -> tuple[Array, Array, Array]:
        """Return derivatives in what was left before, in the mean and in sigma."""
        sigma = self.posterior.sigma[:, None]
        moved = self.share * np.exp(0.5 * (self.z**2 - self.bound**2))
        mills = np.exp(-0.5 * self.bound**2 - _LOG_SQRT_2PI - self.log_probability)
        of_bound = self.slope * sigma * of_left * (1 - moved) + weights * mills
        of_sigma = self.slope * of_left * (self.bound - self.z)
        of_sigma -= of_bound * self.bound / sigma
        return np.zeros_like(of_left), of_bound / sigma, of_sigma


@dataclass(frozen=True)
class _Within(_Draw):
    """A process drawn from what is close enough to its target.

    Its side of the target is turned so that the mean is never below the target.
    """

    term: DistanceTerm
    sign: Array
    share: Array
    reach: Array
    """How far from the target it may be."""
    before: Array
    """What was left before."""
    low: Array
    """The ends of what fits, in standard deviations from the mean."""
    high: Array
    z: Array
    distance: Array
    """From the target, with a sign."""

    @classmethod
    def of(
        cls,
        posterior: PointwisePosterior,
        term: DistanceTerm,
        before: Array,
        share: Array,
    ) -> _Within:
        """Return the draw that has the probability ``share`` of what fits below it."""
        sigma = posterior.sigma[:, None]
        delta = posterior.mean - term.target
        sign = np.where(delta < 0, -1.0, 1.0)
        delta = np.abs(delta)
        share = np.where(sign < 0, 1 - share, share)
        reach = (before / term.weight) ** (1 / term.power)
        low, high = (-reach - delta) / sigma, (reach - delta) / sigma
        log_probability, z = _truncated(low, high, 2 * reach / sigma, share)
        distance = delta + sigma * z
        taken = term.weight * np.abs(distance) ** term.power
        left = np.maximum(before - taken, _LEAST * before)
        return cls(
            posterior,
            log_probability,
            left,
            term,
            sign,
            share,
            reach,
            before,
            low,
            high,
            z,
            distance,
        )

    @override
    def backward(self, weights: Array, of_left: Array) -> tuple[Array, Array, Array]:
        """Return derivatives in what was left before, in the mean and in sigma."""
        sigma = self.posterior.sigma[:, None]
        power = self.term.power
        slope = power * np.abs(self.distance) ** (power - 1) * np.sign(self.distance)
        of_distance = -self.term.weight * slope * of_left
        of_z = of_distance * sigma
        log_density = -_LOG_SQRT_2PI - self.log_probability
        of_low = of_z * (1 - self.share) * np.exp(0.5 * (self.z**2 - self.low**2))
        of_low -= weights * np.exp(log_density - 0.5 * self.low**2)
        of_high = of_z * self.share * np.exp(0.5 * (self.z**2 - self.high**2))
        of_high += weights * np.exp(log_density - 0.5 * self.high**2)
        of_delta = of_distance - (of_low + of_high) / sigma
        of_sigma = of_distance * self.z
        of_sigma -= (of_low * self.low + of_high * self.high) / sigma
        of_reach = (of_high - of_low) / sigma
        of_before = of_left + of_reach * self.reach / (power * self.before)
        return of_before, self.sign * of_delta, of_sigma


def _truncated(
    low: Array, high: Array, width: Array, share: Array
) -> tuple[Array, Array]:
    """Return a normal number between two ends, and how probable that is.

    Args:
        low: The lower end; no closer to 0 than the upper one.
        high: The upper end.
        width: What is between them, to all digits.
        share: The probability of what is below the number, of those between the ends.

    Returns:
        The logarithm of the probability, and the number.
    """
    is_narrow = width * (1 - low) < _NARROW
    below, above = log_ndtr(low), log_ndtr(high)
    rest = np.expm1(np.where(is_narrow, -1.0, below - above))
    middle = 0.5 * (low + high)
    log_probability = np.where(
        is_narrow,
        np.log(width) - 0.5 * middle**2 - _LOG_SQRT_2PI,
        above + np.log(-rest),
    )
    z = np.where(
        is_narrow,
        low + share * width,
        ndtri_exp(above + np.log1p((1 - share) * rest)),
    )
    return log_probability, np.clip(z, low, high)
